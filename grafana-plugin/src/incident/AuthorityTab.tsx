import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, useStyles2 } from '@grafana/ui';

import { incidentPath } from '../api/client';
import { list } from '../api/types';
import type { Incident, ResponseAuthority, ResponseOption, ResponseTarget } from '../api/types';
import { useResource } from '../api/useResource';
import { DecisionDetails, PolicyVersion } from '../authority/DecisionDetails';
import { cellKey, Legend, VerdictGrid } from '../authority/VerdictGrid';
import { AppLink } from '../ui/AppLink';
import { Choice } from '../ui/Choice';
import { Code, Faint, HostileText } from '../ui/HostileText';
import { Column, Row } from '../ui/Layout';
import { Chip } from '../ui/Marks';
import { Notice, WhenReady } from '../ui/PageState';
import { count, plainName } from '../ui/words';
import { authorityAddress } from '../url/routes';
import { useUrlState } from '../url/useUrlState';

/** AuthorityTab answers for this incident: who may do what to whom, and who has to be asked first. */
export function AuthorityTab({ incident }: { incident: Incident }) {
  const authority = useResource<ResponseAuthority>(incidentPath(incident.id, '/authority'));
  return (
    <WhenReady resource={authority} what="the response authority">
      {(answer) =>
        list(answer.items).length === 0 ? (
          <Notice icon="shield" title="Nothing to contain">
            <p>No containment action works on the entities of this incident.</p>
          </Notice>
        ) : (
          <Options incident={incident} authority={answer} />
        )
      }
    </WhenReady>
  );
}

function optionKey(option: ResponseOption): string {
  return `${option.action}|${option.target.type}:${option.target.value}`;
}

function Options({ incident, authority }: { incident: Incident; authority: ResponseAuthority }) {
  const styles = useStyles2(getStyles);
  const url = useUrlState();
  const all = list(authority.items);
  const actors = [...new Set(all.flatMap((option) => list(option.verdicts).map((decision) => decision.actor)))];
  const targets = [...new Map(all.map((option) => [`${option.target.type}:${option.target.value}`, option.target])).entries()];
  const target = targets.some(([key]) => key === url.get('target')) ? url.get('target') : '';
  const options = all.filter((option) => target === '' || `${option.target.type}:${option.target.value}` === target);
  const decisionOf = (option: ResponseOption, actor: string) => list(option.verdicts).find((decision) => decision.actor === actor);
  const selected = url.get('decision');
  const open = all
    .flatMap((option) => list(option.verdicts).map((decision) => ({ option, decision, key: cellKey(optionKey(option), decision.actor) })))
    .find((one) => one.key === selected);
  const severity = authority.severity ?? incident.severity;
  const confidence = authority.confidence ?? incident.confidence;
  const shown = targets.filter(([key]) => target === '' || key === target);
  return (
    <Column gap={2}>
      <Row justify="between">
        <p className={styles.lead}>
          For {plainName(severity).toLowerCase()} severity and {plainName(confidence).toLowerCase()} confidence
          {authority.hours ? `, ${plainName(authority.hours).toLowerCase()}` : ''}, under policy version <PolicyVersion version={authority.policy_version} />. <AppLink to={authorityAddress({ severity, confidence, ...(authority.hours ? { hours: authority.hours } : {}) })}>See the whole matrix</AppLink>
        </p>
        <Choice
          label="Target"
          width={40}
          value={target}
          options={[
            { value: '', label: `All targets (${targets.length})` },
            ...targets.map(([key, one]) => ({ value: key, label: `${plainName(one.type)}: ${one.value}` })),
          ]}
          onChange={(picked) => url.set({ target: picked }, { replace: true })}
        />
      </Row>
      {(authority.omitted ?? 0) > 0 && (
        <Alert severity="info" title={`${count(authority.omitted ?? 0, 'more entity', 'more entities')} not shown: this incident has too many`} />
      )}
      <Legend decisions={options.flatMap((option) => list(option.verdicts))} />
      {shown.map(([key, one]) => {
        const rows = options.filter((option) => `${option.target.type}:${option.target.value}` === key);
        return (
          <section key={key} aria-label={`${plainName(one.type)} ${one.value}`}>
            <h2 className={styles.target}>
              <Faint>{plainName(one.type)}</Faint> <HostileText text={one.value} />
              {classes(one).map((name) => (
                <Chip key={name} title={`Classified by ${one.classified_by || 'nobody'}`}>
                  {name}
                </Chip>
              ))}
            </h2>
            <VerdictGrid
              label={`Who may act on ${one.value}`}
              corner="Action"
              columns={actors.map((actor) => ({ key: actor, title: plainName(actor) }))}
              rows={rows.map((option) => ({
                key: optionKey(option),
                name: `${option.action_name} on ${option.target.value}`,
                head: (
                  <>
                    {option.action_name || plainName(option.action)}
                    {option.d3fend ? <div className={styles.d3fend}>{option.d3fend}</div> : null}
                  </>
                ),
                cells: actors.map((actor) => decisionOf(option, actor)),
              }))}
              selected={selected}
              onSelect={(row, actor) => url.set({ decision: cellKey(row.key, actor) })}
            />
          </section>
        );
      })}
      {open !== undefined && (
        <DecisionDetails
          title={open.option.action_name}
          decision={open.decision}
          policyVersion={authority.policy_version}
          facts={[
            ['Action', <Code key="action">{open.option.action}</Code>],
            ...(open.option.does ? ([['What it does', open.option.does]] as const) : []),
            ...(open.option.undo ? ([['Undo', open.option.undo]] as const) : []),
            ...(open.option.risk ? ([['Risk', plainName(open.option.risk)]] as const) : []),
            ['Target', <HostileText key="target" text={`${plainName(open.option.target.type)}: ${open.option.target.value}`} />],
            ['Target is', `${classes(open.option.target).join(', ') || 'not classified'} (by ${open.option.target.classified_by || 'nobody'})`],
          ]}
          onClose={() => url.set({ decision: undefined })}
        />
      )}
    </Column>
  );
}

/** classes are the words for what a target is to the business. */
function classes(target: ResponseTarget): string[] {
  const names = [target.asset_class, target.identity_class].filter((name) => name !== undefined && name !== '' && name !== 'none');
  const criticality = target.criticality ? [`${plainName(target.criticality)} criticality`] : [];
  return names.includes('unclassified') ? ['Unclassified'] : [...names.map((name) => plainName(name ?? '')), ...criticality];
}

const getStyles = (theme: GrafanaTheme2) => ({
  lead: css({ margin: 0, maxWidth: '90ch' }),
  target: css({ ...theme.typography.h5, display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), margin: theme.spacing(0, 0, 1) }),
  d3fend: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
