'use strict';

// One bundle for every Grafana from 10.1 on. What must come from the host is
// external; everything else is bundled. `react/jsx-runtime` is neither: old
// hosts do not provide it, and a bundled one makes elements that a newer React
// refuses, so it is replaced by a module over the host's React.createElement.

const fs = require('fs');
const path = require('path');
const CopyPlugin = require('copy-webpack-plugin');

const { version } = require('./package.json');

const src = path.join(__dirname, 'src');
const dist = path.join(__dirname, 'dist');

// hostModules are what Grafana 10.1 and 13 both hand to a plugin.
const hostModules = [
  '@emotion/css',
  '@emotion/react',
  '@grafana/data',
  '@grafana/runtime',
  '@grafana/ui',
  'd3',
  'jquery',
  'lodash',
  'moment',
  'react',
  'react-dom',
  'react-redux',
  'react-router',
  'redux',
  'rxjs',
];

// fill puts version and day into plugin.json.
function fill(content) {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const now = epoch ? new Date(Number(epoch) * 1000) : new Date();
  return content
    .toString()
    .replace(/%VERSION%/g, version)
    .replace(/%TODAY%/g, now.toISOString().slice(0, 10));
}

// licence is the project's; beside the plugin when it is built out of the tree.
const licence = [path.join(__dirname, 'LICENSE'), path.join(__dirname, '..', 'LICENSE')].find((f) => fs.existsSync(f));

module.exports = (_env, argv) => ({
  context: src,
  target: ['web', 'es2020'],
  devtool: 'source-map',
  entry: {
    module: './module.tsx',
    'datasource/module': './datasource/module.ts',
  },
  output: {
    path: dist,
    filename: '[name].js',
    library: { type: 'amd' },
    uniqueName: 'openmxdr-app',
    publicPath: '/',
  },
  externals: Object.fromEntries(hostModules.map((name) => [name, name])),
  externalsType: 'amd',
  resolve: {
    extensions: ['.ts', '.tsx', '.js'],
    alias: {
      'react/jsx-runtime$': path.join(src, 'jsx-runtime.ts'),
      'react/jsx-dev-runtime$': path.join(src, 'jsx-runtime.ts'),
    },
  },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        use: {
          loader: 'swc-loader',
          options: {
            jsc: {
              target: 'es2020',
              parser: { syntax: 'typescript', tsx: true },
              transform: { react: { runtime: 'automatic', development: false } },
            },
          },
        },
      },
    ],
  },
  performance: { hints: 'error', maxAssetSize: 512 * 1024, maxEntrypointSize: 512 * 1024, assetFilter: (f) => f.endsWith('.js') },
  plugins: [
    new CopyPlugin({
      patterns: [
        { from: '**/plugin.json', transform: fill },
        { from: 'img/**' },
        { from: '**/img/**' },
        { from: 'dashboards/**', noErrorOnMissing: true },
        { from: path.join(__dirname, 'README.md') },
        { from: path.join(__dirname, 'CHANGELOG.md') },
        ...(licence ? [{ from: licence, to: 'LICENSE', toType: 'file' }] : []),
      ],
    }),
  ],
  stats: argv.mode === 'production' ? 'errors-warnings' : 'minimal',
});
