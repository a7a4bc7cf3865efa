// Stands in for `react/jsx-runtime` in the bundle. Elements made here are the
// host's own, whichever React it has: Grafana 10 to 12 run React 18, Grafana 13
// runs React 19, and the two do not accept each other's elements.
import { createElement, Fragment } from 'react';
import type { ElementType, Key, ReactElement, ReactNode } from 'react';

type Props = Record<string, unknown> & { children?: ReactNode };

function make(type: ElementType, props: Props, key: Key | undefined, spread: boolean): ReactElement {
  const { children, ...rest } = props;
  const attributes: Record<string, unknown> = rest;
  if (key !== undefined) {
    attributes.key = key;
  }
  if (children === undefined) {
    return createElement(type, attributes);
  }
  // A static list of children is spread, so that React does not ask for keys.
  return spread && Array.isArray(children)
    ? createElement(type, attributes, ...children)
    : createElement(type, attributes, children);
}

export { Fragment };

/** jsx makes an element with at most one child expression. */
export function jsx(type: ElementType, props: Props, key?: Key): ReactElement {
  return make(type, props, key, false);
}

/** jsxs makes an element whose children are written out one by one. */
export function jsxs(type: ElementType, props: Props, key?: Key): ReactElement {
  return make(type, props, key, true);
}

/** jsxDEV is what development builds call; it tells the two apart by a flag. */
export function jsxDEV(type: ElementType, props: Props, key?: Key, isStatic?: boolean): ReactElement {
  return make(type, props, key, isStatic === true);
}
