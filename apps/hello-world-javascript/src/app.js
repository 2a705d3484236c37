// Greet whoever the first argument names, and show all arguments and input files.
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const { IEXEC_IN, IEXEC_OUT, IEXEC_INPUT_FILES_NUMBER = "0" } = process.env;
const [, , ...args] = process.argv;

const greeting = `* Hello, ${args.length ? args[0] : "World"}! *`;
const frame = "*".repeat(greeting.length);
const lines = [frame, greeting, frame, ...args.map((argument) => `argument ${argument}`)];
for (let number = 1; number <= Number(IEXEC_INPUT_FILES_NUMBER); number += 1) {
  const name = process.env[`IEXEC_INPUT_FILE_NAME_${number}`];
  lines.push(`file ${name}`, readFileSync(join(IEXEC_IN, name), "utf8"));
}

const text = lines.join("\n");
console.log(text);
writeFileSync(join(IEXEC_OUT, "result.txt"), `${text}\n`);
const proof = { "deterministic-output-path": join(IEXEC_OUT, "result.txt") };
writeFileSync(join(IEXEC_OUT, "computed.json"), JSON.stringify(proof));
