import { describe, expect, jest, test } from '@jest/globals';
import { render } from '@testing-library/react';
import { createElement, Fragment, version } from 'react';

import { jsx, jsxDEV, jsxs } from '../../src/jsx-runtime';

test('the tests run under the React that they claim', () => {
  expect(['18', '19']).toContain(version.split('.')[0]);
});

describe('elements are the host’s own', () => {
  test.each([
    ['without children', jsx('i', { id: 'a' }), createElement('i', { id: 'a' })],
    ['with a key', jsx('i', {}, 'k'), createElement('i', { key: 'k' })],
    ['with one child', jsx('b', { children: 'x' }), createElement('b', {}, 'x')],
    ['with several', jsxs('b', { children: ['x', 'y'] }), createElement('b', {}, 'x', 'y')],
    ['with a falsy child', jsx('b', { children: 0 }), createElement('b', {}, 0)],
    ['fragments', jsxs(Fragment, { children: ['x', 'y'] }), createElement(Fragment, null, 'x', 'y')],
    ['in development', jsxDEV('b', { children: ['x', 'y'] }, undefined, true), createElement('b', {}, 'x', 'y')],
  ])('%s', (_name, ours, theirs) => {
    expect(ours).toEqual(theirs);
    expect((ours as unknown as { $$typeof: symbol }).$$typeof).toBe((theirs as unknown as { $$typeof: symbol }).$$typeof);
  });
});

test('written-out children want no keys, computed ones do', () => {
  const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  render(jsxs('p', { children: [jsx('i', {}), jsx('b', {})] }));
  expect(said).not.toHaveBeenCalled();
  render(jsx('p', { children: [jsx('i', {}), jsx('b', {})] }));
  expect(said).toHaveBeenCalled();
  said.mockRestore();
});
