// Prints what the validators say about each file: asyncapi FILE or openapi FILE. Its standard input has the files, one JSON list.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = createRequire(process.env.NODE_MODULES + "/");

async function asyncapi(text) {
  const { Parser } = modules("@asyncapi/parser");
  const { diagnostics } = await new Parser().parse(text);
  return diagnostics.filter((one) => one.severity <= 1).map((one) => `${one.path.join("/")}: ${one.message}`); // errors, warnings
}

async function openapi(text) {
  const { Validator } = await import(pathToFileURL(modules.resolve("@seriousme/openapi-schema-validator")));
  const { valid, errors } = await new Validator().validate(JSON.parse(text));
  return valid ? [] : [JSON.stringify(errors)];
}

const said = [];
for (const [kind, file] of JSON.parse(readFileSync(0, "utf8"))) said.push(await { asyncapi, openapi }[kind](readFileSync(file, "utf8")));
console.log(JSON.stringify(said));
