/** What Grafana's plugin catalogue refuses, checked here because its own checker cannot run everywhere. */
import { existsSync, readdirSync, readFileSync, statSync } from 'fs';
import path from 'path';

import { describe, expect, test } from '@jest/globals';

const root = path.join(__dirname, '..', '..');
const src = path.join(root, 'src');

function all(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return statSync(file).isDirectory() ? all(file) : [file];
  });
}

const files = all(src);
const code = files.filter((file) => /\.tsx?$/.test(file));

interface Manifest {
  id: string;
  type: string;
  backend?: boolean;
  executable?: string;
  includes?: Array<{ type: string; path?: string; role?: string }>;
  info: { logos: { small: string; large: string }; version: string; updated: string; keywords: string[] };
  dependencies: { grafanaDependency: string };
}

const read = (file: string) => JSON.parse(readFileSync(path.join(src, file), 'utf8')) as Manifest;

describe('sources', () => {
  const refused: Array<[string, RegExp]> = [
    ['the query address', /\/api\/ds\/query/],
    ['boot data', /grafanaBootData/],
    ['blocking dialogs', /\b(?:window\.)?(?:alert|confirm|prompt)\s*\(/],
    ['raw markup', /dangerouslySetInnerHTML|\.innerHTML\b|insertAdjacentHTML|RenderUserContentAsHTML/],
    ['the window’s address', /window\.location\.(?:search|href)/],
    ['silenced types', /@ts-ignore|@ts-nocheck|\bas any\b|: any\b/],
    ['the console', /\bconsole\.\w+\(/],
    ['style sheets', /import\s+['"][^'"]+\.s?css['"]|<Global\b/],
    ['removed React', /findDOMNode|ReactDOM\.render|propTypes|defaultProps/],
    ['evaluation', /\beval\(|new Function\(/],
    ['a data source’s own test', /testDatasource\s*\(/],
  ];
  test.each(refused)('have no %s', (_what, pattern) => {
    for (const file of code) {
      expect([path.relative(src, file), pattern.exec(readFileSync(file, 'utf8'))?.[0]]).toEqual([path.relative(src, file), undefined]);
    }
  });

  test('open windows only without a way back', () => {
    for (const file of code) {
      for (const call of readFileSync(file, 'utf8').matchAll(/window\.open\([^)]*\)/g)) {
        expect(call[0]).toMatch(/noopener,noreferrer/);
      }
    }
  });

  test('have under 700 lines each', () => {
    for (const file of code) {
      expect([file, readFileSync(file, 'utf8').split('\n').length < 700]).toEqual([file, true]);
    }
  });
});

describe('plugin.json', () => {
  const app = read('plugin.json');
  const nested = read('datasource/plugin.json');

  test('names app and data source', () => {
    expect([app.id, app.type, nested.id, nested.type]).toEqual(['openmxdr-app', 'app', 'openmxdr-datasource', 'datasource']);
  });

  test('both run the one binary', () => {
    expect([app.backend, app.executable]).toEqual([true, 'gpx_openmxdr']);
    expect([nested.backend, nested.executable]).toEqual([true, '../gpx_openmxdr']);
  });

  test('every nested plugin is included, and what is included is there', () => {
    const included = (app.includes ?? []).filter((one) => one.type === 'datasource').map((one) => one.path);
    expect(included).toEqual(['datasource/plugin.json']);
    for (const one of app.includes ?? []) {
      if (one.type === 'datasource' || one.type === 'dashboard') {
        expect([one.path, existsSync(path.join(src, one.path ?? ''))]).toEqual([one.path, true]);
      }
    }
  });

  test.each([
    ['app', app, ''],
    ['data source', nested, 'datasource'],
  ])('%s: logos, version, keywords, Grafana', (_name, manifest, folder) => {
    expect(manifest.info.version).toBe('%VERSION%');
    expect(manifest.info.updated).toBe('%TODAY%');
    expect(manifest.info.keywords.length).toBeGreaterThan(0);
    expect(manifest.dependencies.grafanaDependency).toBe('>=10.1.0');
    for (const logo of Object.values(manifest.info.logos)) {
      expect(existsSync(path.join(src, folder, logo))).toBe(true);
    }
  });
});

test('drawings hold no scripts and load nothing', () => {
  for (const file of files.filter((name) => name.endsWith('.svg'))) {
    expect(readFileSync(file, 'utf8')).not.toMatch(/<script|<foreignObject|\son\w+=|javascript:|href=/i);
  }
});

test('readme and changelog are there', () => {
  for (const name of ['README.md', 'CHANGELOG.md']) {
    expect(readFileSync(path.join(root, name), 'utf8').length).toBeGreaterThan(100);
  }
});

test('the lock files name no registry', () => {
  for (const name of ['package-lock.json', 'next/package-lock.json']) {
    expect(readFileSync(path.join(root, name), 'utf8')).not.toContain('"resolved"');
  }
});
