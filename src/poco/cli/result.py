"""`poco result`: results that only their beneficiary can read."""

from __future__ import annotations

import base64
from contextlib import closing
from pathlib import Path

import click

from poco.cli.beneficiary import beneficiary_options, folder_option, private_key
from poco.cli.groups import LazyGroup
from poco.cli.shell import Shell, chain_options, output_options, wallet_options
from poco.errors import UserInputError

__all__ = ["command"]

_ENCRYPTED, _DECRYPTED = "encryptedResults.zip", "results.zip"


_OLDER_NAMES = {
    "generate-keys": "generate-encryption-keypair",
    "push-secret": "push-encryption-key",
    "check-secret": "check-encryption-key",
}


@click.group(cls=LazyGroup, aliases=_OLDER_NAMES)
def command() -> None:
    """Have results encrypted for you, and decrypt them."""


@command.command(
    "generate-encryption-keypair", epilog="Example: poco result generate-encryption-keypair"
)
@click.option("--force", is_flag=True, help="Move an older key aside.")
@folder_option
@wallet_options
@output_options
def generate(shell: Shell, force: bool, beneficiary_keystoredir: Path) -> None:
    """Make the key pair that your results will be encrypted with (also: generate-keys)."""
    from poco.market.sealing import make_result_keys

    with shell.progress("making a key pair"):
        keys = make_result_keys(beneficiary_keystoredir, shell.address, replace=force)
    _done(shell, keys)


@command.command(
    "import-encryption-key", epilog="Example: poco result import-encryption-key key.pem"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Move an older key aside.")
@folder_option
@wallet_options
@output_options
def import_key(shell: Shell, file: Path, force: bool, beneficiary_keystoredir: Path) -> None:
    """Take an RSA private key (PEM) that you have for your results."""
    from poco.market.sealing import make_result_keys, read_key

    pem = read_key(file.parent, file.name)
    keys = make_result_keys(beneficiary_keystoredir, shell.address, replace=force, pem=pem)
    _done(shell, keys)


def _done(shell: Shell, keys: tuple[Path, Path]) -> None:
    private, public = keys
    document = {
        "secretPath": str(private.parent.absolute()),
        "privateKeyFile": private.name,
        "publicKeyFile": public.name,
    }
    shell.done(
        document,
        f"private key in {private}; back it up and never share it\npublic key in {public}; "
        "push it with `poco result push-encryption-key`",
    )


@command.command("push-encryption-key", epilog="Example: poco result push-encryption-key")
@click.option("--force-update", is_flag=True, help="Replace the key that is set.")
@click.option(
    "--secret-path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Public key, PEM  [default: that of the wallet]",
)
@folder_option
@wallet_options
@chain_options
@output_options
def push(
    shell: Shell, force_update: bool, secret_path: Path | None, beneficiary_keystoredir: Path
) -> None:
    """Push your public key: results for you can be encrypted from then on."""
    from poco.appio.encryption import public_key_from_secret
    from poco.market.sealing import beneficiary_key_name, read_key
    from poco.secret import Secret
    from poco.services.secrets.challenges import RESULT_KEY_NAME, SecretName
    from poco.services.secrets.client import SecretsClient

    file = secret_path or Path(f"{beneficiary_key_name(shell.address)}.pub")
    pem = read_key(Path() if secret_path else beneficiary_keystoredir, str(file))
    value = base64.b64encode(pem).decode()
    public_key_from_secret(value)
    account = shell.account
    name = SecretName.setting(account.address, RESULT_KEY_NAME)
    with closing(SecretsClient(shell.secrets_url)) as secrets:
        is_set = secrets.has(name)
        if is_set and not force_update:
            raise UserInputError(
                f"an encryption key already exists for {account.address}",
                field="beneficiary",
                value=account.address,
                remedy="replace it with --force-update",
            )
        secrets.push(name, Secret(value), account, replace=is_set)
    shell.done({"isPushed": True, "isUpdated": is_set}, "the encryption key is pushed")


@command.command("check-encryption-key", epilog="Example: poco result check-encryption-key")
@click.argument("address", required=False)
@wallet_options
@chain_options
@output_options
def check(shell: Shell, address: str | None) -> None:
    """Tell whether results can be encrypted for somebody, by default you."""
    from poco.services.secrets.challenges import RESULT_KEY_NAME, SecretName
    from poco.services.secrets.client import SecretsClient

    name = SecretName.setting(address or shell.address, RESULT_KEY_NAME)
    with closing(SecretsClient(shell.secrets_url)) as secrets:
        found = secrets.has(name)
    told = "an" if found else "no"
    shell.done({"isEncryptionKeySet": found}, f"{told} encryption key is set for {name.address}")


@command.command(epilog="Example: poco result decrypt sealed.zip")
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path), default=_ENCRYPTED)
@click.option("--force", is_flag=True, help=f"Replace {_DECRYPTED}.")
@beneficiary_options
@wallet_options
@output_options
def decrypt(
    shell: Shell,
    archive: Path,
    force: bool,
    beneficiary_keystoredir: Path,
    beneficiary_key_file: str | None,
) -> None:
    """Decrypt a result (by default encryptedResults.zip) into results.zip."""
    from poco.market.sealing import open_result

    key = private_key(shell, beneficiary_keystoredir, beneficiary_key_file)
    target = Path.cwd() / _DECRYPTED
    if target.exists():
        shell.confirm(f"Replace {target}?", force)
    open_result(archive, target, key)
    shell.done({"resultsPath": str(target)}, f"decrypted into {target}")
