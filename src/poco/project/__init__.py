"""A project folder, in the files of the official client: each tool reads what the other wrote.

::

    project = Project(Path("."))
    entry = project.chain()                         # chain.json; ChainEntry(name, id, host, hub, …)
    project.read_iexec()["app"]                     # iexec.json, older shapes converted
    project.update_iexec("app.checksum", "0x…")
    project.save_order(entry.id, signed)            # orders.json
    project.deployed("app", entry.id)               # deployed.json
    wallet = find_wallet(WalletChoice(), project.folder)
    account = wallet.unlock(lambda what: getpass(what))

No function here talks to a network.
"""

from poco.amounts import decimal, parse_coin, parse_token, show_coin, show_token
from poco.project.chains import ChainEntry, choose_chain, read_chains
from poco.project.folder import Kind, Project
from poco.project.wallets import (
    AccountWallet,
    Keystore,
    PlainWallet,
    Wallet,
    WalletChoice,
    create_wallet,
    find_wallet,
    keystore_folder,
    plain_document,
)

__all__ = [
    "AccountWallet",
    "ChainEntry",
    "Keystore",
    "Kind",
    "PlainWallet",
    "Project",
    "Wallet",
    "WalletChoice",
    "choose_chain",
    "create_wallet",
    "decimal",
    "find_wallet",
    "keystore_folder",
    "parse_coin",
    "parse_token",
    "plain_document",
    "read_chains",
    "show_coin",
    "show_token",
]
