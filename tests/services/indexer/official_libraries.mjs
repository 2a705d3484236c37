// What libraries on top of the official client do with its subgraph and compass; the outcomes go to
// standard output. Arguments: JSON {rpc, hub, url, subgraph, pool, unknown, requestorder}.
import { IExec, utils } from "iexec";
import { gql, GraphQLClient } from "graphql-request";

const given = JSON.parse(process.argv[2]);
const signer = utils.getSignerFromPrivateKey(given.rpc, `0x${"11".repeat(32)}`);
const iexec = new IExec(
  { ethProvider: signer },
  { hubAddress: given.hub, pocoSubgraphURL: given.subgraph, compassURL: given.url },
);
const client = new GraphQLClient(await iexec.config.resolvePocoSubgraphURL());
const bulk = await client.request(
  gql`
    query bulkTasks($requestorder: String!) {
      deals(where: { requestorder: $requestorder }) {
        tasks {
          taskId: id
          bulkSlice {
            datasets {
              id
            }
          }
        }
      }
    }
  `,
  { requestorder: given.requestorder },
);
const refused = await client.request(gql`{ nothing }`).catch((error) => error.response.errors);
const apiUrl = await iexec.workerpool.getWorkerpoolApiUrl(given.pool);
const unknown = await iexec.workerpool.getWorkerpoolApiUrl(given.unknown);
process.stdout.write(
  JSON.stringify({ bulk, refused: refused[0].message, apiUrl, unknown: unknown ?? null }),
);
