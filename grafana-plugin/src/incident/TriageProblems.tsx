import { Alert, Button } from '@grafana/ui';
import { Fragment } from 'react';
import type { ReactNode } from 'react';

import type { Triage } from '../api/types';
import { HostileText } from '../ui/HostileText';
import { Row } from '../ui/Layout';
import { Instant } from '../ui/Time';
import { statusNames, triageVerdictNames } from '../ui/words';
import type { Change, TriageEditor } from './useTriage';

/** TriageProblems shows why a change was not taken, and the ways out. */
export function TriageProblems({ editor }: { editor: TriageEditor }) {
  const { conflict, error } = editor;
  if (conflict !== undefined) {
    return (
      <Alert severity="warning" topSpacing={1} title="Somebody else changed this incident meanwhile">
        {conflict.theirs !== undefined && (
          <p>
            <HostileText text={conflict.theirs.updated_by || 'Somebody'} /> at <Instant time={conflict.theirs.updated_at} />: <State triage={conflict.theirs} />
          </p>
        )}
        <p>
          Your change: <Wish change={conflict.mine} />. It was not saved.
        </p>
        <Row>
          <Button size="sm" disabled={editor.saving || conflict.theirs === undefined} onClick={() => void editor.applyMine()}>
            Apply mine on top
          </Button>
          <Button size="sm" variant="secondary" disabled={editor.saving} onClick={editor.keepTheirs}>
            Keep theirs
          </Button>
        </Row>
      </Alert>
    );
  }
  if (error !== undefined) {
    return (
      <Alert topSpacing={1} severity={error.denied ? 'warning' : 'error'} title={error.denied ? 'You may not change this incident' : 'The change was not saved'} onRemove={editor.dismiss}>
        <p>{error.message}</p>
        {error.hint !== '' && <p>{error.hint}</p>}
      </Alert>
    );
  }
  return null;
}

function State({ triage }: { triage: Triage }) {
  return (
    <>
      {statusNames[triage.status] ?? triage.status}, owner {triage.assignee ? <HostileText text={triage.assignee} /> : 'nobody'},{' '}
      {(triageVerdictNames[triage.verdict] ?? triage.verdict).toLowerCase()}
    </>
  );
}

function Wish({ change }: { change: Change }) {
  const parts: ReactNode[] = [
    change.status !== undefined && `status ${statusNames[change.status].toLowerCase()}`,
    change.assignee !== undefined && <>owner {change.assignee === '' ? 'nobody' : <HostileText text={change.assignee} />}</>,
    change.verdict !== undefined && `verdict ${triageVerdictNames[change.verdict].toLowerCase()}`,
    change.comment !== undefined && (
      <>
        comment “<HostileText text={change.comment} />”
      </>
    ),
  ].filter((part) => part !== false);
  return (
    <>
      {parts.map((part, at) => (
        <Fragment key={at}>
          {at > 0 && ', '}
          {part}
        </Fragment>
      ))}
    </>
  );
}
