// A computation by the JavaScript library, from the assets to the result. One JSON line for each
// step: {"what", "error"}. Argument: JSON {rpc, hub, urls{...}, key, pool, app{...}}.
import { IExec, utils } from "iexec";

const given = JSON.parse(process.argv[2]);
const iexec = new IExec(
  { ethProvider: utils.getSignerFromPrivateKey(given.rpc, given.key) },
  { hubAddress: given.hub, ...given.urls },
);
const me = await iexec.wallet.getAddress();
const tag = ["tee", "tdx"];

const step = async (what, action) => {
  try {
    const result = await action();
    console.log(JSON.stringify({ what }));
    return result;
  } catch (error) {
    console.log(JSON.stringify({ what, error: `${error.message}` }));
    return {};
  }
};
const require = (condition, rule) => {
  if (!condition) throw Error(rule);
};
// An observable of the library, until it completes; returns what it said last.
const last = (observable) =>
  new Promise((resolve, reject) => {
    let seen;
    observable.subscribe({ next: (it) => (seen = it), error: reject, complete: () => resolve(seen) });
  });

await step("network.getNetwork", async () => {
  const { chainId } = await iexec.network.getNetwork();
  require(chainId === `${given.chainId}`, `chain ${chainId}`);
});
await step("wallet.checkBalances", async () => {
  const { nRLC } = await iexec.wallet.checkBalances(me);
  require(nRLC.gtn(0), "no RLC");
});
await step("account.deposit", () => iexec.account.deposit("1000"));
await step("account.checkBalance", async () => {
  const { stake } = await iexec.account.checkBalance(me);
  require(stake.gten(1000), `stake ${stake}`);
});
await step("hub.showCategory", () => iexec.hub.showCategory(0));

const { address: app } = await step("app.deployApp", () =>
  iexec.app.deployApp({ owner: me, name: `echo ${Date.now()}`, ...given.app }),
);
await step("app.showApp", () => iexec.app.showApp(app));
await step("app.pushAppSecret", () => iexec.app.pushAppSecret(app, "of the developer"));
await step("app.checkAppSecretExists", async () =>
  require(await iexec.app.checkAppSecretExists(app), "not there"),
);

const key = iexec.dataset.generateEncryptionKey();
const sealed = await step("dataset.encrypt", () =>
  iexec.dataset.encrypt(Buffer.from("content of the dataset"), key),
);
const checksum = await step("dataset.computeEncryptedFileChecksum", () =>
  iexec.dataset.computeEncryptedFileChecksum(sealed),
);
const multiaddr = await step("add the dataset to the IPFS node", async () => {
  const form = new FormData();
  form.append("file", new Blob([sealed]));
  const answer = await fetch(`${given.urls.ipfsNodeURL}/api/v0/add`, { method: "POST", body: form });
  return `/ipfs/${(await answer.json()).Hash}`;
});
const { address: dataset } = await step("dataset.deployDataset", () =>
  iexec.dataset.deployDataset({ owner: me, name: "data", multiaddr, checksum }),
);
await step("dataset.pushDatasetSecret", () => iexec.dataset.pushDatasetSecret(dataset, key));
await step("dataset.showDataset", () => iexec.dataset.showDataset(dataset));

await step("secrets.pushRequesterSecret", () =>
  iexec.secrets.pushRequesterSecret("library", "of the requester"),
);
await step("result.pushResultEncryptionKey", async () => {
  const pair = await crypto.subtle.generateKey(
    { name: "RSA-OAEP", modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["encrypt", "decrypt"],
  );
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", pair.publicKey)).toString("base64");
  const lines = spki.match(/.{1,64}/g).join("\n");
  await iexec.result.pushResultEncryptionKey(
    `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----`,
    { forceUpdate: true },
  );
});

const signed = {};
await step("order.signApporder", async () => {
  signed.app = await iexec.order.signApporder(
    await iexec.order.createApporder({ app, volume: 10, tag }),
  );
});
await step("order.publishApporder", () => iexec.order.publishApporder(signed.app));
await step("order.signDatasetorder", async () => {
  signed.dataset = await iexec.order.signDatasetorder(
    await iexec.order.createDatasetorder({ dataset, volume: 10, tag }),
  );
});
await step("order.publishDatasetorder", () => iexec.order.publishDatasetorder(signed.dataset));
const found = {};
await step("orderbook.fetchAppOrderbook", async () => {
  found.app = (await iexec.orderbook.fetchAppOrderbook({ app, minTag: tag, maxTag: tag })).orders[0].order;
});
await step("orderbook.fetchDatasetOrderbook", async () => {
  const book = await iexec.orderbook.fetchDatasetOrderbook({ dataset, minTag: tag, maxTag: tag });
  found.dataset = book.orders[0].order;
});
await step("orderbook.fetchWorkerpoolOrderbook", async () => {
  const filter = { workerpool: given.pool, category: 0, minTag: tag, maxTag: tag };
  found.pool = (await iexec.orderbook.fetchWorkerpoolOrderbook(filter)).orders[0].order;
});
const request = await step("order.signRequestorder", async () =>
  iexec.order.signRequestorder(
    await iexec.order.createRequestorder({
      app,
      dataset,
      category: 0,
      tag,
      appmaxprice: found.app.appprice,
      datasetmaxprice: found.dataset.datasetprice,
      workerpoolmaxprice: found.pool.workerpoolprice,
      params: { iexec_args: "by the library", iexec_secrets: { 1: "library" } },
    }),
  ),
);
await step("order.publishRequestorder", () => iexec.order.publishRequestorder(request));
await step("orderbook.fetchRequestOrderbook", async () => {
  const { count } = await iexec.orderbook.fetchRequestOrderbook({
    app,
    requester: me,
    minTag: tag,
    maxTag: tag,
  });
  require(count === 1, `${count} orders`);
});
await step("order.estimateMatchOrders", () =>
  iexec.order.estimateMatchOrders({
    apporder: found.app,
    datasetorder: found.dataset,
    workerpoolorder: found.pool,
    requestorder: request,
  }),
);
const { dealid } = await step("order.matchOrders", () =>
  iexec.order.matchOrders({
    apporder: found.app,
    datasetorder: found.dataset,
    workerpoolorder: found.pool,
    requestorder: request,
  }),
);
await step("deal.show", () => iexec.deal.show(dealid));
const taskid = await step("deal.computeTaskId", () => iexec.deal.computeTaskId(dealid, 0));
await step("task.obsTask", async () => {
  const end = await last(await iexec.task.obsTask(taskid, { dealid }));
  require(end.message === "TASK_COMPLETED", end.message);
});
await step("deal.obsDeal", async () => {
  const end = await last(await iexec.deal.obsDeal(dealid));
  require(end.completedTasksCount === 1, JSON.stringify(end));
});
await step("task.show", () => iexec.task.show(taskid));
await step("task.fetchResults", async () => {
  const { body } = { body: await (await iexec.task.fetchResults(taskid)).arrayBuffer() };
  require(body.byteLength > 0, "empty");
});
await step("task.fetchOffchainInfo", async () => {
  const { task } = await iexec.task.fetchOffchainInfo(taskid);
  require(task.status, "no status");
});
await step("task.fetchLogs", async () => {
  for (let trials = 0; ; trials++) {
    const logs = await iexec.task.fetchLogs(taskid).catch((error) => error);
    if (logs.length === 1) return;
    if (trials === 20) throw logs;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
});
const { cid } = await step("order.prepareDatasetBulk", async () => {
  const terms = { dataset, datasetprice: 0, volume: Number.MAX_SAFE_INTEGER - 1, tag };
  const free = await iexec.order.signDatasetorder(await iexec.order.createDatasetorder(terms));
  return iexec.order.prepareDatasetBulk([free]);
});
await step("subgraph: tasks of a request", async () => {
  const hash = await iexec.order.hashRequestorder(request);
  const query = `query ($requestorder: String!) {
    deals(where: {requestorder: $requestorder}) { tasks { taskId: id bulkSlice { datasets { id } } } }
  }`;
  const answer = await fetch(given.urls.pocoSubgraphURL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables: { requestorder: hash.toLowerCase() } }),
  });
  const { data } = await answer.json();
  require(data.deals[0].tasks[0].taskId === taskid, JSON.stringify(data));
});
await step("the bulk from the IPFS gateway", async () => {
  const answer = await fetch(`${given.urls.ipfsGatewayURL}/ipfs/${cid}`);
  require((await answer.json()).length === 1, "not one slice");
});
