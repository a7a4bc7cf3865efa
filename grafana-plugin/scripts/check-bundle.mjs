// Looks at what was built: it may ask the host only for what Grafana 10.1 and
// 13 both provide, and must not bring a React of its own.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const host = new Set(
  '@emotion/css @emotion/react @grafana/data @grafana/runtime @grafana/ui d3 jquery lodash moment react react-dom react-redux react-router redux rxjs'.split(' ')
);
// Marks of React's own sources: a JSX runtime, an element type, its internals.
const own = /react\.(transitional\.)?element|ReactCurrentOwner|__CLIENT_INTERNALS_DO_NOT_USE|recentlyCreatedOwnerStacks/;

const faults = ['module.js', 'datasource/module.js'].flatMap((name) => {
  const text = readFileSync(path.join(dist, name), 'utf8');
  const asked = /define\((\[[^\]]*\])/.exec(text);
  if (asked === null) {
    return [`${name}: is no AMD module`];
  }
  return [
    ...JSON.parse(asked[1])
      .filter((module) => !host.has(module))
      .map((module) => `${name}: asks the host for ${module}, which not every Grafana provides`),
    ...(own.test(text) ? [`${name}: contains a part of React (${own.exec(text)[0]}); elements must be the host's`] : []),
  ];
});

if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`);
  process.exit(1);
}
