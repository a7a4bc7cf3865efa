import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, Field, TextArea, useStyles2 } from '@grafana/ui';
import { useState } from 'react';

import { list } from '../api/types';
import type { Incident, Triage, WhoAmI } from '../api/types';
import { Faint, HostileText } from '../ui/HostileText';
import { Instant, known } from '../ui/Time';
import { Notice } from '../ui/PageState';
import { statusNames, triageVerdictNames } from '../ui/words';
import { refusalOf } from './IncidentHeader';
import { TriageProblems } from './TriageProblems';
import { useTriage } from './useTriage';

interface HistoryProps {
  incident: Incident;
  triage: Triage;
  who: WhoAmI | undefined;
  onTriage: (triage: Triage) => void;
  onReload: () => void;
}

/** HistoryTab holds what people wrote about the incident. */
export function HistoryTab({ incident, triage, who, onTriage, onReload }: HistoryProps) {
  const styles = useStyles2(getStyles);
  const editor = useTriage(incident.id, triage, onTriage, onReload);
  const [draft, setDraft] = useState('');
  const comments = list(triage.comments);
  const refusal = refusalOf(who, undefined);
  return (
    <div className={styles.page}>
      <p>
        {statusNames[triage.status] ?? triage.status}, {(triageVerdictNames[triage.verdict] ?? triage.verdict).toLowerCase()}, owner{' '}
        {triage.assignee ? <HostileText text={triage.assignee} /> : 'nobody'}.{' '}
        {known(triage.updated_at) ? (
          <Faint>
            Last changed <Instant time={triage.updated_at} /> by <HostileText text={triage.updated_by || 'unknown'} />.
          </Faint>
        ) : (
          <Faint>Nobody has changed it yet.</Faint>
        )}
      </p>
      {comments.length === 0 ? (
        <Notice icon="info-circle" title="No comments yet" />
      ) : (
        <ol className={styles.comments}>
          {comments.map((comment, at) => (
            <li key={at} className={styles.comment}>
              <div>
                <strong>
                  <HostileText text={comment.author} />
                </strong>{' '}
                <Faint>
                  <Instant time={comment.time} />
                </Faint>
              </div>
              <HostileText text={comment.text} />
            </li>
          ))}
        </ol>
      )}
      <TriageProblems editor={editor} />
      {refusal === undefined ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void editor.save({ comment: draft.trim() }).then((saved) => saved && setDraft(''));
          }}
        >
          <Field label="Comment" htmlFor="mxdr-comment" description="Plain text. Comments stay; they cannot be edited.">
            <TextArea id="mxdr-comment" rows={4} value={draft} maxLength={8000} onChange={(event) => setDraft(event.currentTarget.value)} />
          </Field>
          <Button type="submit" disabled={editor.saving || draft.trim() === ''}>
            Add comment
          </Button>
        </form>
      ) : (
        <Faint>{refusal}</Faint>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ maxWidth: '100ch' }),
  comments: css({ listStyle: 'none', margin: theme.spacing(2, 0), padding: 0, display: 'grid', gap: theme.spacing(1.5) }),
  comment: css({ borderLeft: `3px solid ${theme.colors.border.medium}`, paddingLeft: theme.spacing(1.5) }),
});
