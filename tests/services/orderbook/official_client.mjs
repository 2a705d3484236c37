// What people do with the official client and an order book; the outcomes go to standard output.
// Arguments: JSON {rpc, hub, market, keys{app_owner, dataset_owner, scheduler, requester}, app,
// dataset, pool}.
import { IExec, utils } from "iexec";

const given = JSON.parse(process.argv[2]);
const as = (role) =>
  new IExec(
    { ethProvider: utils.getSignerFromPrivateKey(given.rpc, given.keys[role]) },
    { hubAddress: given.hub, iexecGatewayURL: given.market, smsURL: given.market },
  );
const outcomes = {};
const record = async (name, action) => {
  outcomes[name] = await action().catch((error) => `${error.message}`);
};
const tag = ["tee", "tdx"];
const [seller, data, pool, buyer] = ["app_owner", "dataset_owner", "scheduler", "requester"].map(as);

const app = await seller.order
  .createApporder({ app: given.app, appprice: 5, volume: 3, tag })
  .then((order) => seller.order.signApporder(order, { preflightCheck: false }));
const dataset = await data.order
  .createDatasetorder({ dataset: given.dataset, datasetprice: 2, volume: 3, tag })
  .then((order) => data.order.signDatasetorder(order, { preflightCheck: false }));
const offer = await pool.order
  .createWorkerpoolorder({ workerpool: given.pool, workerpoolprice: 7, volume: 3, category: 0, tag })
  .then((order) => pool.order.signWorkerpoolorder(order));
const request = await buyer.order
  .createRequestorder({
    app: given.app,
    appmaxprice: 5,
    dataset: given.dataset,
    datasetmaxprice: 2,
    workerpoolmaxprice: 7,
    category: 0,
    volume: 2,
    tag,
    params: { iexec_args: "1 2" },
  })
  .then((order) => buyer.order.signRequestorder(order, { preflightCheck: false }));

await record("too early", () => buyer.order.publishRequestorder(request, { preflightCheck: false }));
await record("app", () => seller.order.publishApporder(app, { preflightCheck: false }));
await record("app again", () => seller.order.publishApporder(app, { preflightCheck: false }));
await record("dataset", () => data.order.publishDatasetorder(dataset, { preflightCheck: false }));
await record("pool", () => pool.order.publishWorkerpoolorder(offer));
await record("request", () => buyer.order.publishRequestorder(request, { preflightCheck: false }));

const filters = { minTag: tag, maxTag: tag };
const found = {};
await record("apps", async () => {
  const book = await buyer.orderbook.fetchAppOrderbook({ app: given.app, ...filters });
  found.app = book.orders[0].order;
  return [book.count, book.orders[0].orderHash, book.orders[0].remaining];
});
await record("datasets", async () => {
  const book = await buyer.orderbook.fetchDatasetOrderbook({ dataset: given.dataset, ...filters });
  found.dataset = book.orders[0].order;
  return [book.count, book.orders[0].orderHash, book.orders[0].remaining];
});
await record("pools", async () => {
  const book = await buyer.orderbook.fetchWorkerpoolOrderbook({ category: 0, ...filters });
  found.pool = book.orders[0].order;
  return [book.count, book.orders[0].orderHash, book.orders[0].remaining];
});
await record("requests", async () => {
  const book = await pool.orderbook.fetchRequestOrderbook({ category: 0, ...filters });
  found.request = book.orders[0].order;
  return [book.count, book.orders[0].orderHash, book.orders[0].remaining];
});
await record("deal", async () => {
  const { volume } = await buyer.order.matchOrders(
    {
      apporder: found.app,
      datasetorder: found.dataset,
      workerpoolorder: found.pool,
      requestorder: found.request,
    },
    { preflightCheck: false },
  );
  return `${volume}`;
});
await new Promise((resolve) => setTimeout(resolve, 3000));
await record("deals", async () => {
  const { count, deals } = await buyer.deal.fetchDealsByRequestorder(outcomes.request);
  return [count, deals[0].volume, deals[0].params];
});
await record("pool left", async () => {
  const entry = await pool.orderbook.fetchWorkerpoolorder(outcomes.pool);
  return [entry.status, entry.remaining];
});
await record("request left", async () => {
  const entry = await buyer.orderbook.fetchRequestorder(outcomes.request);
  return [entry.status, entry.remaining];
});
await record("removed by a stranger", () => buyer.order.unpublishApporder(outcomes.app));
await record("app removed", () => seller.order.unpublishLastApporder(given.app));
await record("pool removed", () => pool.order.unpublishAllWorkerpoolorders(given.pool));
await record("dataset removed", () => data.order.unpublishDatasetorder(outcomes.dataset));
await record("app gone", () => buyer.orderbook.fetchApporder(outcomes.app));
process.stdout.write(JSON.stringify(outcomes));
