import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { ClipboardButton, useStyles2 } from '@grafana/ui';
import { useEffect, useRef } from 'react';

import { list } from '../api/types';
import type { PolicyFiles } from '../api/types';
import { useResource } from '../api/useResource';
import { Code, Faint } from '../ui/HostileText';
import { Column, Panel } from '../ui/Layout';
import { Notice, WhenReady } from '../ui/PageState';

/** PolicyText shows the policies as they are written, one after another. */
export function PolicyText({ selected }: { selected: string }) {
  const policies = useResource<PolicyFiles>('/authority/policies');
  return (
    <WhenReady resource={policies} what="the policies">
      {(data) =>
        list(data.files).length === 0 ? (
          <Notice icon="shield" title="No policies">
            <p>Without policies everything is forbidden.</p>
          </Notice>
        ) : (
          <Files data={data} selected={selected} />
        )
      }
    </WhenReady>
  );
}

function Files({ data, selected }: { data: PolicyFiles; selected: string }) {
  const styles = useStyles2(getStyles);
  const place = useRef<HTMLPreElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView?.({ block: 'center' });
    place.current?.focus({ preventScroll: true });
  }, [selected]);
  return (
    <div className={styles.page}>
      <Column gap={2}>
        <Faint>
          Version <Code>{data.version}</Code>. Cedar: a <code>forbid</code> beats every <code>permit</code>.
        </Faint>
        {list(data.files).map((file) => (
          <Panel
            key={file.name}
            title={file.name}
            aside={
              <ClipboardButton size="sm" variant="secondary" icon="copy" getText={() => file.text}>
                Copy
              </ClipboardButton>
            }
          >
            {blocks(file.text).map((block, at) => {
              const here = selected !== '' && block.id === selected;
              return (
                <pre key={at} ref={here ? place : undefined} tabIndex={here ? -1 : undefined} aria-current={here || undefined} className={cx(styles.text, here && styles.selected)}>
                  {block.text}
                </pre>
              );
            })}
          </Panel>
        ))}
      </Column>
    </div>
  );
}

/** blocks splits a file at its empty lines and reads each block's policy id. */
export function blocks(text: string): Array<{ id: string; text: string }> {
  return text
    .replace(/\r\n/g, '\n')
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => ({ id: /@id\("([^"\n]*)"\)/.exec(block)?.[1] ?? '', text: block.replace(/\n+$/, '') }));
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ paddingTop: theme.spacing(2) }),
  text: css({
    margin: theme.spacing(0, 0, 1),
    padding: theme.spacing(1),
    border: '1px solid transparent',
    background: theme.colors.background.canvas,
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  selected: css({ borderColor: theme.colors.primary.border, boxShadow: `inset 3px 0 0 ${theme.colors.primary.main}` }),
});
