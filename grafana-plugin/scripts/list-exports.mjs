// Writes the names that @grafana/{ui,data,runtime} export at both ends of what
// the plugin supports into tests/exports/, from the packages' types.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

for (const [end, modules] of [
  ['oldest', 'node_modules'],
  ['newest', 'next/node_modules'],
]) {
  const lists = {};
  for (const name of ['data', 'runtime', 'ui']) {
    const folder = path.join(root, modules, '@grafana', name);
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const types = path.join(folder, manifest.types);
    const program = ts.createProgram([types], {
      skipLibCheck: true,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      module: ts.ModuleKind.ESNext,
      jsx: ts.JsxEmit.ReactJSX,
    });
    const checker = program.getTypeChecker();
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(types));
    lists[`@grafana/${name}`] = {
      version: manifest.version,
      names: checker
        .getExportsOfModule(symbol)
        .map((one) => one.name)
        .sort(),
    };
  }
  writeFileSync(path.join(root, 'tests', 'exports', `${end}.json`), `${JSON.stringify(lists, null, 1)}\n`);
}
