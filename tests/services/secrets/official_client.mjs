// What people do with the official client and a secret service; the outcomes go to standard output.
// Arguments: JSON {rpc, hub, sms, keys{app_owner, dataset_owner, requester, stranger}, app, dataset}.
import { IExec, utils } from "iexec";

const given = JSON.parse(process.argv[2]);
const as = (role) =>
  new IExec(
    { ethProvider: utils.getSignerFromPrivateKey(given.rpc, given.keys[role]) },
    { hubAddress: given.hub, smsURL: given.sms },
  );
const outcomes = {};
const record = async (name, action) => {
  outcomes[name] = await action().catch((error) => `${error.message}`);
};

const requester = as("requester");
const me = await requester.wallet.getAddress();
const value = "value of the official client";
const pem = (text) => `-----BEGIN PUBLIC KEY-----\n${text}\n-----END PUBLIC KEY-----`;

await record("app before", () => as("stranger").app.checkAppSecretExists(given.app));
await record("app by a stranger", () => as("stranger").app.pushAppSecret(given.app, value));
await record("app", () => as("app_owner").app.pushAppSecret(given.app, value));
await record("app again", () => as("app_owner").app.pushAppSecret(given.app, value));
await record("app after", () => as("stranger").app.checkAppSecretExists(given.app));
await record("dataset", () => as("dataset_owner").dataset.pushDatasetSecret(given.dataset, value));
await record("dataset after", () => requester.dataset.checkDatasetSecretExists(given.dataset));
await record("secret", () => requester.secrets.pushRequesterSecret("my-password", value));
await record("secret again", () => requester.secrets.pushRequesterSecret("my-password", value));
await record("secret after", () =>
  as("stranger").secrets.checkRequesterSecretExists(me, "my-password"),
);
await record("key", () => requester.result.pushResultEncryptionKey(pem("first")));
await record("key again", () =>
  requester.result.pushResultEncryptionKey(pem("second"), { forceUpdate: true }),
);
await record("key after", () => as("stranger").result.checkResultEncryptionKeyExists(me));
await record("token", () => requester.storage.pushStorageToken("token", "dropbox"));
await record("order", () =>
  requester.order.createRequestorder({
    app: given.app,
    category: 0,
    dataset: given.dataset,
    params: {
      iexec_args: "",
      iexec_secrets: { 1: "my-password" },
      iexec_result_encryption: true,
      iexec_result_storage_provider: "dropbox",
    },
  }).then((order) => requester.order.signRequestorder(order)).then((order) => order.tag),
);
process.stdout.write(JSON.stringify(outcomes));
