// Answers each line, a JSON document, with what the library of wallets makes of it.

import { createInterface } from "node:readline";
import {
  TypedDataEncoder,
  getBytes,
  hashMessage,
  solidityPackedKeccak256,
  verifyMessage,
  verifyTypedData,
} from "ethers";

function typed({ types, domain, message, signature }) {
  const { EIP712Domain, ...own } = types;
  return [
    TypedDataEncoder.hash(domain, own, message),
    signature && verifyTypedData(domain, own, message, signature),
  ];
}

function packed({ kinds, values, signature }) {
  const message = getBytes(solidityPackedKeccak256(kinds, values));
  return [hashMessage(message), signature && verifyMessage(message, signature)];
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(asked.types ? typed(asked) : packed(asked)));
}
