#!/usr/bin/env node
// The WebAssembly build of solc behind the two calls of the native one that Ape, forge and slither make:
// `--version` and `--standard-json` (input on stdin). Output is cached by the content of the input.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const VERSION = "@VERSION@";
const CACHED_OUTPUTS = 40;

function load() {
  return require(path.join(__dirname, "soljson-" + path.basename(__filename) + ".js"));
}

function compile(input) {
  const module = load();
  const size = module.lengthBytesUTF8(input) + 1;
  const pointer = module._solidity_alloc(size);
  module.stringToUTF8(input, pointer, size);
  return module.UTF8ToString(module._solidity_compile(pointer, 0, 0));
}

function cached(input) {
  const folder = path.join(__dirname, "cache");
  const name = crypto.createHash("sha256").update(VERSION).update(input).digest("hex");
  const file = path.join(folder, name);
  try {
    const output = fs.readFileSync(file, "utf8");
    fs.utimesSync(file, new Date(), new Date());
    return output;
  } catch {
    const output = compile(input);
    store(folder, file, output);
    return output;
  }
}

function store(folder, file, output) {
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(file + "." + process.pid, output);
    fs.renameSync(file + "." + process.pid, file);
    const age = (name) => fs.statSync(path.join(folder, name)).mtimeMs;
    const names = fs.readdirSync(folder).sort((a, b) => age(b) - age(a));
    for (const name of names.slice(CACHED_OUTPUTS)) fs.unlinkSync(path.join(folder, name));
  } catch {
    // Without room or permission the compiler still answers.
  }
}

if (process.argv.includes("--version")) {
  fs.writeSync(1, "solc, the solidity compiler commandline interface\nVersion: " + VERSION + "\n");
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(cached(fs.readFileSync(0, "utf8")));
} else {
  fs.writeSync(2, "This compiler understands --version and --standard-json only.\n");
  process.exitCode = 1;
}
