import { readdirSync, readFileSync, statSync } from 'fs';
import path from 'path';

import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

import newest from '../exports/newest.json';
import oldest from '../exports/oldest.json';

const src = path.join(__dirname, '..', '..', 'src');

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return statSync(file).isDirectory() ? sources(file) : /\.tsx?$/.test(name) ? [file] : [];
  });
}

type Library = keyof typeof oldest;

/** imported lists what a source takes from Grafana's libraries. */
function imported(file: string): Array<{ library: string; name: string }> {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: Array<{ library: string; name: string }> = [];
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) {
      continue;
    }
    const library = statement.moduleSpecifier.text;
    const bindings = statement.importClause?.namedBindings;
    if (!library.startsWith('@grafana/')) {
      continue;
    }
    if (bindings === undefined || !ts.isNamedImports(bindings)) {
      found.push({ library, name: '*' });
      continue;
    }
    for (const element of bindings.elements) {
      found.push({ library, name: (element.propertyName ?? element.name).text });
    }
  }
  return found;
}

const files = sources(src);

describe('names that both ends of Grafana export', () => {
  test('there are imports to check', () => {
    expect(files.flatMap(imported).length).toBeGreaterThan(50);
  });

  test.each(files.map((file) => [path.relative(src, file), file]))('%s', (_name, file) => {
    for (const { library, name } of imported(file)) {
      expect(Object.keys(oldest)).toContain(library);
      expect(oldest[library as Library].names).toContain(name);
      expect(newest[library as Library].names).toContain(name);
    }
  });
});

test('the lists belong to the installed packages', () => {
  const version = (folder: string, library: string) =>
    (JSON.parse(readFileSync(path.join(__dirname, '..', '..', folder, library, 'package.json'), 'utf8')) as { version: string }).version;
  for (const library of Object.keys(oldest) as Library[]) {
    expect(version('node_modules', library)).toBe(oldest[library].version);
    expect(version('next/node_modules', library)).toBe(newest[library].version);
  }
});
