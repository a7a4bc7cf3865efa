import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, useStyles2 } from '@grafana/ui';
import { useState } from 'react';
import type { ReactNode } from 'react';

/** LONGEST is how many characters are shown before one has to ask for more. */
export const LONGEST = 2000;

// Characters that change how others look or hide in between: controls (tab and
// newline excepted), soft hyphen, zero-width and bidirectional marks, line
// separators, variation selectors, tags, lone surrogates.
const deceptive =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|[\ud800-\udfff]/gu;

/** pieces splits a text into what can be shown as it is and what has to be spelled out. */
export function pieces(text: string): Array<{ text: string; deceptive: boolean }> {
  const found: Array<{ text: string; deceptive: boolean }> = [];
  let from = 0;
  for (const match of text.matchAll(deceptive)) {
    if (match.index > from) {
      found.push({ text: text.slice(from, match.index), deceptive: false });
    }
    const code = (match[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0');
    found.push({ text: `\\u{${code}}`, deceptive: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) {
    found.push({ text: text.slice(from), deceptive: false });
  }
  return found;
}

/**
 * HostileText shows what an attacker may have written: as text and nothing
 * else, isolated from its surroundings' reading direction, with invisible and
 * direction-changing characters spelled out, and not without end.
 */
export function HostileText({ text, mono = false }: { text: string; mono?: boolean }) {
  const styles = useStyles2(getStyles);
  const [all, setAll] = useState(false);
  const long = text.length > LONGEST;
  const shown = long && !all ? text.slice(0, LONGEST) : text;
  return (
    <>
      <bdi className={mono ? styles.mono : styles.text}>{shown === '' ? <Faint>(empty)</Faint> : pieces(shown).map((piece, at) =>
        piece.deceptive ? (
          <span key={at} className={styles.spelled} title="A character that cannot be seen, or that changes how others are read">
            {piece.text}
          </span>
        ) : (
          piece.text
        )
      )}</bdi>
      {long && (
        <Button size="sm" fill="text" variant="secondary" onClick={() => setAll(!all)}>
          {all ? 'Show less' : `Show all ${text.length.toLocaleString()} characters`}
        </Button>
      )}
    </>
  );
}

/** Faint is text of less weight. */
export function Faint({ children }: { children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return <span className={styles.faint}>{children}</span>;
}

/** Code is a short technical text of our own, such as a rule's id. */
export function Code({ children }: { children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return <code className={styles.code}>{children}</code>;
}

/** asText writes any value of an event as one text. */
export function asText(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')) {
    return value.join(', ');
  }
  return value === undefined ? '' : JSON.stringify(value);
}

const getStyles = (theme: GrafanaTheme2) => ({
  text: css({ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }),
  mono: css({
    overflowWrap: 'anywhere',
    whiteSpace: 'pre-wrap',
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  spelled: css({
    fontFamily: theme.typography.fontFamilyMonospace,
    color: theme.colors.warning.text,
    border: `1px dotted ${theme.colors.warning.border}`,
  }),
  faint: css({ color: theme.colors.text.secondary }),
  code: css({
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
    color: theme.colors.text.primary,
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.weak}`,
    padding: '1px 4px',
    margin: 0,
    borderRadius: theme.shape.borderRadius(1),
    overflowWrap: 'anywhere',
    whiteSpace: 'pre-wrap',
  }),
});
