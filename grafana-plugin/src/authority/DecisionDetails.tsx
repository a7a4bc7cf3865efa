import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Drawer, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

import { list } from '../api/types';
import type { Decision } from '../api/types';
import { AppLink } from '../ui/AppLink';
import { Code, HostileText } from '../ui/HostileText';
import { Column, Facts } from '../ui/Layout';
import { VerdictMark } from '../ui/Marks';
import { count, lifetime, plainName } from '../ui/words';
import { authorityAddress } from '../url/routes';

interface DetailsProps {
  title: string;
  decision: Decision;
  policyVersion: string;
  /** What the decision is about, beside actor and verdict. */
  facts: ReadonlyArray<readonly [string, ReactNode]>;
  onClose: () => void;
}

/** DecisionDetails says in full who decided and by which clause. */
export function DecisionDetails({ title, decision, policyVersion, facts, onClose }: DetailsProps) {
  const styles = useStyles2(getStyles);
  return (
    <Drawer title={title} subtitle={plainName(decision.actor)} onClose={onClose} size="md">
      <Column gap={2}>
        <div className={styles.verdict}>
          <VerdictMark verdict={decision.verdict} />
        </div>
        <p className={styles.reason}>
          <HostileText text={decision.reason || 'No policy permits it, and what nothing permits is forbidden.'} />
        </p>
        <Facts
          facts={[
            ['Actor', plainName(decision.actor)],
            ...facts,
            ...terms(decision),
            ['Policy', decision.policy_id ? <Code key="policy">{decision.policy_id}</Code> : 'none: forbidden by default'],
            ['Policy version', <PolicyVersion key="version" version={policyVersion} />],
          ]}
        />
        {decision.clause !== '' && (
          <div>
            <h3 className={styles.subtitle}>The clause that decided{decision.clause_at ? ` (${decision.clause_at})` : ''}</h3>
            <pre className={styles.clause}>{decision.clause}</pre>
          </div>
        )}
        <AppLink to={authorityAddress({ view: 'policies', policy: decision.policy_id })}>Read all policies</AppLink>
      </Column>
    </Drawer>
  );
}

/** PolicyVersion shows the first digits of a version; the tooltip has them all. */
export function PolicyVersion({ version }: { version: string }) {
  return (
    <span title={version}>
      <Code>{version.slice(0, 12)}</Code>
    </span>
  );
}

/** terms are what an approval needs. */
export function terms(decision: Decision): Array<readonly [string, string]> {
  if (decision.verdict !== 'needs_approval') {
    return [];
  }
  const approvers = list(decision.approvers);
  return [
    ['Who may approve', approvers.length === 0 ? 'not stated' : approvers.map(plainName).join(' or ')],
    ['Approvals needed', count(decision.approvals_needed ?? 1, 'approval')],
    ...(decision.ttl_seconds ? ([['Valid for', lifetime(decision.ttl_seconds)]] as const) : []),
    ...(decision.on_timeout ? ([['When nobody answers', decision.on_timeout === 'deny' ? 'Denied' : plainName(decision.on_timeout)]] as const) : []),
  ];
}

const getStyles = (theme: GrafanaTheme2) => ({
  verdict: css({ fontSize: theme.typography.h4.fontSize }),
  reason: css({ margin: 0, fontSize: theme.typography.h5.fontSize, lineHeight: theme.typography.h5.lineHeight }),
  subtitle: css({ ...theme.typography.h6, color: theme.colors.text.secondary }),
  clause: css({
    margin: 0,
    padding: theme.spacing(1.5),
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.weak}`,
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
});
