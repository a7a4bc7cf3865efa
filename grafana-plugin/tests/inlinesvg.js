'use strict';

// Icons are fetched from Grafana; tests have none.
const React = require('react');
const Svg = React.forwardRef(function Svg(_props, ref) {
  return React.createElement('svg', { ref, 'aria-hidden': true });
});
module.exports = { __esModule: true, default: Svg, cacheStore: {} };
