import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, ClipboardButton, Icon, Input, Spinner, Tooltip, useStyles2 } from '@grafana/ui';
import { useRef, useState } from 'react';
import type { ReactNode } from 'react';

import { list, STATUSES, VERDICTS } from '../api/types';
import type { Incident, Triage, WhoAmI } from '../api/types';
import { Choice } from '../ui/Choice';
import { HostileText } from '../ui/HostileText';
import { Row } from '../ui/Layout';
import { ConfidenceMark, DomainMark, SeverityMark, TacticMark } from '../ui/Marks';
import { Instant } from '../ui/Time';
import { points, statusNames, triageVerdictNames } from '../ui/words';
import { TriageProblems } from './TriageProblems';
import { STICKY_TOP, useStickyTop } from './useStickyTop';
import { useTriage } from './useTriage';

interface HeaderProps {
  incident: Incident;
  triage: Triage;
  who: WhoAmI | undefined;
  whoFailed: string | undefined;
  onTriage: (triage: Triage) => void;
  onReload: () => void;
}

/** IncidentHeader says what it is, how bad, how sure and whose; it stays while the page scrolls. */
export function IncidentHeader({ incident, triage, who, whoFailed, onTriage, onReload }: HeaderProps) {
  const styles = useStyles2(getStyles);
  const editor = useTriage(incident.id, triage, onTriage, onReload);
  const refusal = refusalOf(who, whoFailed);
  const locked = refusal !== undefined || editor.saving;
  const place = useRef<HTMLElement>(null);
  useStickyTop(place);
  return (
    <header ref={place} className={styles.header}>
      <Row justify="between" align="start">
        <h1 className={styles.title}>
          <HostileText text={incident.title} />
        </h1>
        <ClipboardButton size="sm" variant="secondary" fill="text" icon="link" getText={() => document.location.toString()}>
          Copy link
        </ClipboardButton>
      </Row>
      <div className={styles.facts}>
        <Labelled label="Severity">
          <SeverityMark severity={incident.severity} />
        </Labelled>
        <Labelled label="Confidence">
          <ConfidenceMark confidence={incident.confidence} />
        </Labelled>
        <Labelled label="Score">
          <strong>{points(incident.score)}</strong>
        </Labelled>
        <Labelled label="Seen">
          <span>
            <Instant time={incident.first_seen} /> to <Instant time={incident.last_seen} />
          </span>
        </Labelled>
        <span className={styles.chips}>
          {list(incident.domains).map((domain) => (
            <DomainMark key={domain} domain={domain} />
          ))}
          {list(incident.tactics).map((tactic) => (
            <TacticMark key={tactic} tactic={tactic} />
          ))}
        </span>
      </div>
      <div className={styles.triage} role="group" aria-label="Triage">
        <Labelled label="Status">
          <Choice
            label="Status"
            width={18}
            disabled={locked}
            value={triage.status}
            options={STATUSES.map((value) => ({ value, label: statusNames[value] }))}
            onChange={(status) => void editor.save({ status })}
          />
        </Labelled>
        <Labelled label="Owner">
          <Owner key={triage.assignee} owner={triage.assignee} me={who?.login ?? ''} locked={locked} onSave={(assignee) => void editor.save({ assignee })} />
        </Labelled>
        <Labelled label="Verdict">
          <Choice
            label="Verdict"
            width={20}
            disabled={locked}
            value={triage.verdict}
            options={VERDICTS.map((value) => ({ value, label: triageVerdictNames[value] }))}
            onChange={(verdict) => void editor.save({ verdict })}
          />
        </Labelled>
        {editor.saving && <Spinner inline />}
        {refusal !== undefined && (
          <Tooltip content={refusal}>
            <button type="button" className={styles.refusal}>
              <Icon name="lock" size="sm" /> Read only
            </button>
          </Tooltip>
        )}
      </div>
      <TriageProblems editor={editor} />
    </header>
  );
}

/** refusalOf says why the user may not triage; undefined when they may. */
export function refusalOf(who: WhoAmI | undefined, failed: string | undefined): string | undefined {
  if (who === undefined) {
    return failed === undefined ? 'Reading what you may do …' : `It is not known what you may do: ${failed}`;
  }
  return who.may.triage ? undefined : who.may.reason || `The role ${who.role} may not change incidents.`;
}

/** Owner is made anew, by its key, whenever the owner changes. */
function Owner({ owner, me, locked, onSave }: { owner: string; me: string; locked: boolean; onSave: (owner: string) => void }) {
  const [draft, setDraft] = useState(owner);
  const next = draft.trim();
  const changed = next !== owner;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (changed) {
          onSave(next);
        }
      }}
    >
      <Row gap={0.5}>
        <Input width={20} aria-label="Owner" placeholder="Nobody" value={draft} disabled={locked} onChange={(event) => setDraft(event.currentTarget.value)} />
        {changed && (
          <Button type="submit" size="md" disabled={locked}>
            Save
          </Button>
        )}
        {!changed && me !== '' && owner !== me && (
          <Button type="button" variant="secondary" disabled={locked} onClick={() => onSave(me)}>
            Assign to me
          </Button>
        )}
      </Row>
    </form>
  );
}

function Labelled({ label, children }: { label: string; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={styles.labelled}>
      <span className={styles.label}>{label}</span>
      {children}
    </span>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  header: css({
    position: 'sticky',
    top: `var(${STICKY_TOP}, 0px)`,
    zIndex: theme.zIndex.navbarFixed - 1,
    background: theme.colors.background.primary,
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    padding: theme.spacing(1, 0),
    // A short window keeps the rest of the page readable.
    '@media (max-height: 560px)': { position: 'static' },
    [theme.breakpoints.down('md')]: { position: 'static' },
  }),
  title: css({ ...theme.typography.h3, margin: 0, minWidth: 0, flex: '1 1 0' }),
  facts: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5, 2.5), alignItems: 'center', marginTop: theme.spacing(0.5) }),
  chips: css({ display: 'inline-flex', flexWrap: 'wrap', gap: theme.spacing(0.5) }),
  triage: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1, 2), alignItems: 'center', marginTop: theme.spacing(1) }),
  labelled: css({ display: 'inline-flex', gap: theme.spacing(1), alignItems: 'center' }),
  label: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  refusal: css({
    background: 'none',
    border: `1px dashed ${theme.colors.border.medium}`,
    borderRadius: theme.shape.borderRadius(1),
    color: theme.colors.text.secondary,
    padding: theme.spacing(0.25, 1),
  }),
});
