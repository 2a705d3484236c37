// Somebody who buys an app for many datasets at once, with the JavaScript library of the official
// client. Argument: JSON {rpc, hub, urls{…}, key, app, datasets[{key, content}], perTask}. The answer,
// one line of JSON: {datasets: [addresses], results: [zip archives of the tasks, base64]}.
import { IExec, utils } from "iexec";

const given = JSON.parse(process.argv[2]);
const tag = ["tee", "tdx"];
// Each person sends one transaction: the library remembers a nonce for a quarter of a second.
const person = (key) =>
  new IExec(
    { ethProvider: utils.getSignerFromPrivateKey(given.rpc, key) },
    { hubAddress: given.hub, ...given.urls },
  );

// Publish a dataset, and sign the order that lets bulks have it.
const offer = async ({ key: wallet, content }) => {
  const iexec = person(wallet);
  const key = iexec.dataset.generateEncryptionKey();
  const sealed = await iexec.dataset.encrypt(Buffer.from(content), key);
  const checksum = await iexec.dataset.computeEncryptedFileChecksum(sealed);
  const form = new FormData();
  form.append("file", new Blob([sealed]));
  const added = await fetch(`${given.urls.ipfsNodeURL}/api/v0/add`, { method: "POST", body: form });
  const multiaddr = `/ipfs/${(await added.json()).Hash}`;
  const owner = await iexec.wallet.getAddress();
  const entry = { owner, name: "data", multiaddr, checksum };
  const { address: dataset } = await iexec.dataset.deployDataset(entry);
  await iexec.dataset.pushDatasetSecret(dataset, key);
  const terms = { dataset, datasetprice: 0, volume: Number.MAX_SAFE_INTEGER - 1, tag };
  return iexec.order.signDatasetorder(await iexec.order.createDatasetorder(terms));
};

const orders = await Promise.all(given.datasets.map(offer));
const iexec = person(given.key);
const bulk = await iexec.order.prepareDatasetBulk(orders, { maxDatasetPerTask: given.perTask });
const request = await iexec.order.signRequestorder(
  await iexec.order.createRequestorder({
    app: given.app,
    category: 0,
    volume: bulk.volume,
    params: { bulk_cid: bulk.cid },
    tag,
  }),
);
const best = async (book) => (await book).orders[0].order;
const { dealid } = await iexec.order.matchOrders({
  apporder: await best(iexec.orderbook.fetchAppOrderbook({ app: given.app, minTag: tag })),
  workerpoolorder: await best(iexec.orderbook.fetchWorkerpoolOrderbook({ category: 0, minTag: tag })),
  requestorder: request,
});
const results = [];
for (let index = 0; index < bulk.volume; index++) {
  const taskid = await iexec.deal.computeTaskId(dealid, index);
  const task = await iexec.task.obsTask(taskid, { dealid });
  await new Promise((complete, error) => task.subscribe({ complete, error }));
  const archive = await (await iexec.task.fetchResults(taskid)).arrayBuffer();
  results.push(Buffer.from(archive).toString("base64"));
}
console.log(JSON.stringify({ datasets: orders.map(({ dataset }) => dataset), results }));
