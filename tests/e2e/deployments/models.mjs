// node models.mjs OBJECTS.json: compares each object, [module, name of its class, object], with its model, which also
// knows ranges and formats.  Prints what is wrong.
import { readFileSync } from "node:fs";

let wrong = 0;
for (const [module, name, object] of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const model = (await import(module))[name];
  try {
    new model(object).validate();
  } catch (error) {
    wrong++;
    console.log(`${name} ${object.metadata.name}: ${error.message}`);
  }
}
process.exit(wrong ? 1 : 0);
