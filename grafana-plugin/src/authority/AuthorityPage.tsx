import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { Field, Tab, TabContent, TabsBar, useStyles2 } from '@grafana/ui';

import { CONFIDENCES, list, SEVERITIES } from '../api/types';
import type { AuthorityMatrix, Named } from '../api/types';
import { useResource } from '../api/useResource';
import { Choice } from '../ui/Choice';
import { Code, Faint } from '../ui/HostileText';
import { Column } from '../ui/Layout';
import { Notice, WhenReady } from '../ui/PageState';
import { idOf, nameOf, plainName } from '../ui/words';
import { useUrlState } from '../url/useUrlState';
import type { UrlState } from '../url/useUrlState';
import { DecisionDetails, PolicyVersion } from './DecisionDetails';
import { PolicyText } from './PolicyText';
import { cellKey, Legend, VerdictGrid } from './VerdictGrid';

/** AuthorityPage shows the whole matrix: every action, every actor, under chosen circumstances. */
export function AuthorityPage() {
  const url = useUrlState();
  const view = url.get('view') === 'policies' ? 'policies' : 'matrix';
  return (
    <PluginPage subTitle="Who may do what: automation, AI agents, the provider’s people and the customer’s">
      <TabsBar>
        {(['matrix', 'policies'] as const).map((one) => (
          <Tab
            key={one}
            label={one === 'matrix' ? 'Matrix' : 'Policies'}
            active={one === view}
            href={url.href({ view: one, cell: undefined })}
            onChangeTab={(event) => {
              event?.preventDefault();
              url.set({ view: one, cell: undefined });
            }}
          />
        ))}
      </TabsBar>
      <TabContent>{view === 'matrix' ? <Matrix url={url} /> : <PolicyText selected={url.get('policy')} />}</TabContent>
    </PluginPage>
  );
}

const hoursOptions = [
  { value: 'business', label: 'Business hours' },
  { value: 'out_of_hours', label: 'Out of hours' },
];

/** circumstances reads what the matrix is asked for. No target class means all. */
export function circumstances(url: Pick<UrlState, 'get'>) {
  return {
    severity: url.get('severity') || 'high',
    confidence: url.get('confidence') || 'high',
    hours: url.get('hours') || 'business',
    target_class: url.get('target_class'),
  };
}

function Matrix({ url }: { url: UrlState }) {
  const styles = useStyles2(getStyles);
  const asked = circumstances(url);
  const matrix = useResource<AuthorityMatrix>('/authority/matrix', asked, true);
  const set = (patch: Record<string, string>) => url.set({ ...patch, cell: undefined }, { replace: true });
  return (
    <div className={styles.matrix}>
      <Column gap={2}>
        <div className={styles.selectors} role="group" aria-label="Circumstances">
          <Field label="Target" htmlFor="mxdr-target">
            <Choice
              id="mxdr-target"
              label="Target"
              width={30}
              value={asked.target_class}
              options={[{ value: '', label: 'All targets' }, ...optionsOf(list(matrix.data?.target_classes), asked.target_class)]}
              onChange={(target_class) => set({ target_class })}
            />
          </Field>
          <Field label="Severity" htmlFor="mxdr-severity">
            <Choice
              id="mxdr-severity"
              label="Severity"
              width={16}
              value={asked.severity}
              options={optionsOf(SEVERITIES, asked.severity)}
              onChange={(severity) => set({ severity })}
            />
          </Field>
          <Field label="Confidence" htmlFor="mxdr-confidence">
            <Choice
              id="mxdr-confidence"
              label="Confidence"
              width={16}
              value={asked.confidence}
              options={optionsOf(CONFIDENCES, asked.confidence)}
              onChange={(confidence) => set({ confidence })}
            />
          </Field>
          <Field label="Hours" htmlFor="mxdr-hours">
            <Choice id="mxdr-hours" label="Hours" width={22} value={asked.hours} options={hoursOptions} onChange={(hours) => set({ hours })} />
          </Field>
        </div>
        <WhenReady resource={matrix} what="the authority matrix">
          {(data) => <Grid data={data} asked={asked} url={url} />}
        </WhenReady>
      </Column>
    </div>
  );
}

function optionsOf(named: readonly Named[], current: string) {
  const options = named.map((one) => ({ value: idOf(one), label: nameOf(one) }));
  return current === '' || options.some((option) => option.value === current) ? options : [{ value: current, label: plainName(current) }, ...options];
}

type Circumstances = ReturnType<typeof circumstances>;

function Grid({ data, asked, url }: { data: AuthorityMatrix; asked: Circumstances; url: UrlState }) {
  const styles = useStyles2(getStyles);
  const cells = list(data.cells).filter(
    (cell) =>
      (asked.target_class === '' || cell.target_class === asked.target_class) &&
      cell.severity === asked.severity &&
      cell.confidence === asked.confidence &&
      cell.hours === asked.hours
  );
  const byKey = new Map(cells.map((cell) => [matrixKey(cell), cell]));
  const actors = list(data.actors);
  const sections = list(data.target_classes)
    .map((target) => ({
      id: idOf(target),
      name: nameOf(target),
      rows: list(data.actions)
        .map((action) => ({
          key: `${idOf(target)}|${idOf(action)}`,
          name: `${nameOf(action)} on ${nameOf(target)}`,
          head: nameOf(action),
          cells: actors.map((actor) => byKey.get(matrixKey({ target_class: idOf(target), action: idOf(action), actor: idOf(actor) }))),
        }))
        .filter((row) => row.cells.some((cell) => cell !== undefined)),
    }))
    .filter((section) => section.rows.length > 0);
  const open = byKey.get(url.get('cell'));
  if (sections.length === 0) {
    return (
      <Notice icon="shield" title="No action works on this kind of target">
        <p>Choose another target.</p>
      </Notice>
    );
  }
  return (
    <Column gap={2}>
      <Legend decisions={cells} />
      <Faint>
        Policy version <PolicyVersion version={data.policy_version} />. What no policy permits is forbidden; a policy that cannot be evaluated forbids.
      </Faint>
      {sections.map((section) => (
        <section key={section.id} aria-label={section.name}>
          <h2 className={styles.target}>{section.name}</h2>
          <VerdictGrid
            label={`Who may act on: ${section.name}`}
            corner="Action"
            columns={actors.map((actor) => ({ key: idOf(actor), title: nameOf(actor) }))}
            rows={section.rows}
            selected={url.get('cell')}
            onSelect={(row, actor) => url.set({ cell: cellKey(row.key, actor) })}
          />
        </section>
      ))}
      {open !== undefined && (
        <DecisionDetails
          title={nameOf(list(data.actions).find((action) => idOf(action) === open.action) ?? open.action)}
          decision={open}
          policyVersion={data.policy_version}
          facts={[
            ['Action', <Code key="action">{open.action}</Code>],
            ['Target', nameOf(list(data.target_classes).find((one) => idOf(one) === open.target_class) ?? open.target_class)],
            ['Severity', plainName(open.severity)],
            ['Confidence', plainName(open.confidence)],
            ['Hours', plainName(open.hours)],
          ]}
          onClose={() => url.set({ cell: undefined })}
        />
      )}
    </Column>
  );
}

/** matrixKey names a cell of the matrix in an address. */
function matrixKey(cell: { target_class: string; action: string; actor: string }): string {
  return cellKey(`${cell.target_class}|${cell.action}`, cell.actor);
}

const getStyles = (theme: GrafanaTheme2) => ({
  matrix: css({ paddingTop: theme.spacing(2) }),
  target: css({ ...theme.typography.h5, margin: theme.spacing(1, 0) }),
  selectors: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1, 2), '& > *': { marginBottom: 0 } }),
});
