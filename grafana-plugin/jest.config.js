'use strict';

// The same tests run twice: against the oldest Grafana libraries under React
// 18, and against the newest under React 19.

const path = require('path');

const next = path.join(__dirname, 'next', 'node_modules');

// These libraries ship as ES modules only, or in parts.
const esModules = ['@grafana', '@kusto', 'd3', 'd3-.*', 'delaunator', 'internmap', 'robust-predicates', 'ol', 'geotiff', 'quick-lru', 'uuid', 'marked', 'react-calendar', 'get-user-locale', 'memoize', 'mimic-function', 'date-fns', 'lodash-es', 'uplot', '@wojtekmaj', 'earcut', 'rbush', 'quickselect', 'pbf', 'color-.*'];

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
    transformIgnorePatterns: [`node_modules/(?!(.*/)?(${esModules.join('|')})/)`],
    moduleNameMapper: {
      // As in the bundle.
      '^react/jsx(-dev)?-runtime$': '<rootDir>/src/jsx-runtime.ts',
      '\\.(css|svg)$': '<rootDir>/tests/nothing.js',
      'monaco-editor': '<rootDir>/tests/nothing.js',
      'react-inlinesvg': '<rootDir>/tests/inlinesvg.js',
      ...moduleNameMapper,
    },
  };
}

const fromNext = ['react', 'react-dom', '@grafana/data', '@grafana/ui', '@grafana/runtime', 'rxjs', '@emotion/css', '@emotion/react'];

module.exports = {
  projects: [
    project('grafana-10.1-react-18', {}),
    project('grafana-13.2-react-19', {
      ...Object.fromEntries(fromNext.map((name) => [`^${name}$`, path.join(next, name)])),
      '^react-dom/(.*)$': path.join(next, 'react-dom/$1'),
    }),
  ],
};
