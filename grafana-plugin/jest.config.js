'use strict';

// The same tests run twice: against the oldest Grafana libraries under React
// 18, and against the newest under React 19.

const fs = require('fs');
const path = require('path');

const next = path.join(__dirname, 'next', 'node_modules');

// esModules lists the installed packages that ship as ES modules, which jest has to translate.
function esModules(folder) {
  return fs.readdirSync(folder).flatMap((name) => {
    if (name.startsWith('.')) {
      return [];
    }
    if (name.startsWith('@')) {
      return esModules(path.join(folder, name)).map((inner) => `${name}/${inner}`);
    }
    const manifest = path.join(folder, name, 'package.json');
    return fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module' ? [name] : [];
  });
}

const translated = [...new Set([...esModules(path.join(__dirname, 'node_modules')), ...esModules(next), 'ol', 'uuid'])];

function project(displayName, moduleNameMapper) {
  return {
    displayName,
    rootDir: __dirname,
    testEnvironment: 'jsdom',
    testMatch: ['<rootDir>/tests/unit/**/*.test.{ts,tsx}'],
    setupFiles: ['<rootDir>/tests/browser.js'],
    setupFilesAfterEnv: ['<rootDir>/tests/setup.ts'],
    transform: {
      '\\.[cm]?[jt]sx?$': [
        '@swc/jest',
        {
          sourceMaps: 'inline',
          module: { type: 'commonjs' },
          jsc: { target: 'es2022', parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'automatic' } } },
        },
      ],
    },
    transformIgnorePatterns: [`node_modules/(?!(.*/)?(${translated.join('|')})/)`],
    moduleNameMapper: {
      // As in the bundle.
      '^react/jsx(-dev)?-runtime$': '<rootDir>/src/jsx-runtime.ts',
      '\\.(css|svg)$': '<rootDir>/tests/nothing.js',
      'monaco-editor': '<rootDir>/tests/nothing.js',
      'react-inlinesvg': '<rootDir>/tests/inlinesvg.js',
      '^@grafana/runtime$': '<rootDir>/tests/fake/runtime.tsx',
      ...moduleNameMapper,
    },
  };
}

const fromNext = ['react', 'react-dom', '@grafana/data', '@grafana/ui', 'rxjs', '@emotion/css', '@emotion/react'];

module.exports = {
  projects: [
    project('grafana-10.1-react-18', {}),
    project('grafana-13.2-react-19', {
      ...Object.fromEntries(fromNext.map((name) => [`^${name}$`, path.join(next, name)])),
      '^react-dom/(.*)$': path.join(next, 'react-dom/$1'),
    }),
  ],
};
