import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useEffect } from 'react';
import { MemoryRouter, useLocation } from 'react-router-dom';

import { App } from '../../src/App';
import { AppConfig } from '../../src/config/AppConfig';
import { LONGEST } from '../../src/ui/HostileText';
import { authority, detail, events, HOSTILE, lead, matrix, summary, triage, viewer } from '../fake/incident';
import { answer, asked, forget, NEVER, Refusal } from '../fake/runtime';

let address = '';

function Where() {
  const { pathname, search } = useLocation();
  useEffect(() => {
    address = pathname + search;
  }, [pathname, search]);
  return null;
}

function open(url: string) {
  const props = {} as Parameters<typeof App>[0];
  return render(
    <MemoryRouter initialEntries={[url]} future={{ v7_startTransition: true, v7_relativeSplatPath: true }}>
      <App {...props} />
      <Where />
    </MemoryRouter>
  );
}

const root = '/a/openmxdr-app';
let complaints: ReturnType<typeof jest.spyOn>;

beforeEach(() => {
  forget();
  answer('GET /whoami', lead);
  answer('GET /incidents', { items: [summary, { ...summary, id: 'i-2', title: 'Second' }], total: 2 });
  answer('GET /incidents/i-1', detail);
  answer('GET /incidents/i-1/events', events);
  answer('GET /incidents/i-1/authority', authority);
  answer('GET /authority/matrix', matrix);
  answer('GET /authority/policies', { version: 'v', files: [{ name: '10-x.cedar', text: '@id("policy-automation")\nforbid (principal, action, resource);' }] });
  complaints = jest.spyOn(console, 'error');
});

afterEach(() => {
  // React says there when elements, keys or updates are wrong.
  const said = complaints.mock.calls.map((call: unknown[]) => String(call[0])).filter((text: string) => /key|element|hook|act\(|Objects are not valid/i.test(text) && !/defaultProps|findDOMNode|legacy|wrapped in act/i.test(text));
  complaints.mockRestore();
  expect(said).toEqual([]);
});

describe('the list', () => {
  test('shows incidents, severity in words, and counts them', async () => {
    open(`${root}/incidents`);
    expect(screen.getByText(/Reading incidents/)).toBeInTheDocument();
    const link = await screen.findByRole('link', { name: 'Account taken over' });
    expect(link).toHaveAttribute('href', `${root}/incidents/i-1`);
    expect(screen.getByText('2 incidents')).toBeInTheDocument();
    expect(screen.getAllByText('Critical').length).toBeGreaterThan(0);
  });

  test('j, k and Enter', async () => {
    open(`${root}/incidents`);
    await screen.findByRole('link', { name: 'Second' });
    const user = userEvent.setup();
    await user.keyboard('j');
    expect(screen.getByRole('link', { name: 'Account taken over' })).toHaveFocus();
    await user.keyboard('jj');
    expect(screen.getByRole('link', { name: 'Second' })).toHaveFocus();
    await user.keyboard('k{Enter}');
    await waitFor(() => expect(address).toBe(`${root}/incidents/i-1`));
  });

  test('letters typed into a field stay there', async () => {
    open(`${root}/incidents`);
    await screen.findByRole('link', { name: 'Second' });
    await userEvent.setup().type(screen.getByLabelText('Owner'), 'jk');
    expect(screen.getByLabelText('Owner')).toHaveValue('jk');
    await waitFor(() => expect(address).toContain('assignee=jk'));
    await waitFor(() => expect(asked.at(-1)?.params).toMatchObject({ assignee: 'jk' }));
  });

  test('sorts by address', async () => {
    open(`${root}/incidents?status=new&cursor=abc`);
    await screen.findByRole('link', { name: 'Second' });
    expect(asked.find((one) => one.path === '/incidents')?.params).toMatchObject({ status: 'new', cursor: 'abc' });
    await userEvent.setup().click(screen.getByRole('button', { name: 'Score' }));
    await waitFor(() => expect(address).toBe(`${root}/incidents?status=new&sort=score&order=desc`));
    expect(await screen.findByRole('columnheader', { name: /Score/ })).toHaveAttribute('aria-sort', 'descending');
  });

  test('pages on, and back to where one was', async () => {
    answer('GET /incidents', (one: { params: { cursor?: string } }) => ({ items: [{ ...summary, title: one.params.cursor ? 'On page 2' : 'On page 1' }], total: 30, next_cursor: one.params.cursor ? '' : 'c2' }));
    open(`${root}/incidents`);
    const user = userEvent.setup();
    await user.click(await screen.findByRole('button', { name: 'Next page' }));
    await screen.findByText('On page 2');
    expect(address).toContain('cursor=c2');
    expect(screen.queryByRole('button', { name: 'Next page' })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Previous page' }));
    await screen.findByText('On page 1');
  });

  test('empty, nothing found, refused, failed', async () => {
    answer('GET /incidents', { items: null, total: 0 });
    const first = open(`${root}/incidents`);
    await screen.findByText('No incidents yet');
    first.unmount();

    const second = open(`${root}/incidents?q=x`);
    await screen.findByText('No incident matches');
    second.unmount();

    answer('GET /incidents', new Refusal(403, { error: { code: 'denied', message: 'Not your tenant.', hint: 'Ask.' } }));
    const third = open(`${root}/incidents`);
    await screen.findByText('You may not see incidents');
    expect(screen.getByText('Not your tenant.')).toBeInTheDocument();
    third.unmount();

    answer('GET /incidents', new Refusal(502, { error: { code: 'elasticsearch', message: 'Elasticsearch does not answer.', hint: 'Start it.' } }));
    open(`${root}/incidents`);
    await screen.findByText('Elasticsearch does not answer.');
    answer('GET /incidents', { items: [summary], total: 1 });
    await userEvent.setup().click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByRole('link', { name: 'Account taken over' });
  });
});

describe('an incident', () => {
  const tabs = ['story', 'signals', 'entities', 'score', 'events', 'authority', 'history'];

  test.each(tabs)('%s: what attackers wrote stays text', async (tab) => {
    answer('GET /incidents/i-1', { ...detail, triage: { ...triage, assignee: HOSTILE, comments: [{ time: '2026-03-04T12:00:00Z', author: HOSTILE, text: HOSTILE }] } });
    const { container } = open(`${root}/incidents/i-1?tab=${tab}&event=e-1`);
    await screen.findByRole('heading', { level: 1 });
    await waitFor(() => expect(screen.queryByText(/^Reading/)).toBeNull());
    expect(container.querySelector('script, img, iframe, object')).toBeNull();
    for (const link of Array.from(container.querySelectorAll('a'))) {
      expect(link.getAttribute('href')).toMatch(/^\/a\/openmxdr-app(\/|\?|$)/);
    }
    expect(container.textContent).not.toContain('\u202e');
    expect(container.textContent).toContain('<script>alert(1)</script>');
  });

  test('the tab is in the address', async () => {
    open(`${root}/incidents/i-1`);
    const user = userEvent.setup();
    await user.click(await screen.findByRole('tab', { name: /Score/ }));
    expect(address).toBe(`${root}/incidents/i-1?tab=score`);
    expect(screen.getByText('+37.5')).toBeInTheDocument();
    expect(screen.queryByText(/The parts add up to/)).toBeNull();
  });

  test('a score that does not add up says so', async () => {
    answer('GET /incidents/i-1', { ...detail, incident: { ...detail.incident, score: 99 } });
    open(`${root}/incidents/i-1?tab=score`);
    await screen.findByText('The parts add up to 60, the score is 99');
  });

  test('a signal says why it joined', async () => {
    open(`${root}/incidents/i-1?tab=signals&signal=s-2`);
    const signal = await screen.findByRole('region', { name: 'Forwarding rule' });
    expect(signal).toHaveAttribute('aria-current', 'true');
    expect(within(signal).getByText(/Strong/)).toBeInTheDocument();
    expect(within(signal).getByRole('link', { name: 'Unusual sign-in' })).toBeInTheDocument();
  });

  test('an entity leads to its incidents', async () => {
    open(`${root}/incidents/i-1?tab=entities`);
    const link = await screen.findByRole('link', { name: 'Its incidents' });
    expect(new URL(link.getAttribute('href') ?? '', 'http://grafana').searchParams.get('entity')).toBe(`user:${HOSTILE}`);
  });

  test('a change goes out with its version', async () => {
    answer('POST /incidents/i-1/triage', { triage: { ...triage, assignee: 'lena', version: 'v2' } });
    open(`${root}/incidents/i-1`);
    await userEvent.setup().click(await screen.findByRole('button', { name: 'Assign to me' }));
    await waitFor(() => expect(screen.getByLabelText('Owner')).toHaveValue('lena'));
    expect(asked.find((one) => one.method === 'POST')?.data).toEqual({ assignee: 'lena', version: 'v1' });
  });

  test('a stale change is shown beside what is there, and can be applied on top', async () => {
    const theirs = { ...triage, status: 'closed', assignee: 'otto', updated_by: 'otto', updated_at: '2026-03-04T12:00:00Z', version: 'v7' };
    answer('POST /incidents/i-1/triage', new Refusal(409, { error: { code: 'conflict', message: 'stale', hint: '' }, triage: theirs }));
    open(`${root}/incidents/i-1`);
    const user = userEvent.setup();
    await user.click(await screen.findByRole('button', { name: 'Assign to me' }));
    await screen.findByText('Somebody else changed this incident meanwhile');
    answer('POST /incidents/i-1/triage', { triage: { ...theirs, assignee: 'lena', version: 'v8' } });
    await user.click(screen.getByRole('button', { name: 'Apply mine on top' }));
    await waitFor(() => expect(screen.getByLabelText('Owner')).toHaveValue('lena'));
    expect(asked.filter((one) => one.method === 'POST').map((one) => one.data)).toEqual([
      { assignee: 'lena', version: 'v1' },
      { assignee: 'lena', version: 'v7' },
    ]);
  });

  test('or given up', async () => {
    const theirs = { ...triage, assignee: 'otto', version: 'v7' };
    answer('POST /incidents/i-1/triage', new Refusal(409, { error: {}, triage: theirs }));
    open(`${root}/incidents/i-1`);
    const user = userEvent.setup();
    await user.click(await screen.findByRole('button', { name: 'Assign to me' }));
    await user.click(await screen.findByRole('button', { name: 'Keep theirs' }));
    await waitFor(() => expect(screen.getByLabelText('Owner')).toHaveValue('otto'));
  });

  test('who may not triage reads why, and can change nothing', async () => {
    answer('GET /whoami', viewer);
    open(`${root}/incidents/i-1?tab=history`);
    expect(await screen.findByText('Viewers only read.')).toBeInTheDocument();
    expect(screen.getByLabelText('Owner')).toBeDisabled();
    expect(screen.queryByLabelText('Comment')).toBeNull();
  });

  test('while it is not known who one is, nothing can be changed', async () => {
    answer('GET /whoami', NEVER);
    open(`${root}/incidents/i-1`);
    await screen.findByRole('heading', { level: 1 });
    expect(screen.getByLabelText('Owner')).toBeDisabled();
  });

  test('a comment', async () => {
    answer('POST /incidents/i-1/triage', { triage: { ...triage, comments: [{ time: '2026-03-04T12:00:00Z', author: 'lena', text: 'Called her.' }], version: 'v2' } });
    open(`${root}/incidents/i-1?tab=history`);
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText(/^Comment/), '  Called her. ');
    await user.click(screen.getByRole('button', { name: 'Add comment' }));
    await screen.findByText('Called her.');
    expect(asked.find((one) => one.method === 'POST')?.data).toEqual({ comment: 'Called her.', version: 'v1' });
  });

  test('events: what is gone is said, a document opens by address', async () => {
    open(`${root}/incidents/i-1?tab=events`);
    await screen.findByText('1 event not in Elasticsearch');
    const user = userEvent.setup();
    await user.click(screen.getByRole('button', { name: 'Document' }));
    expect(address).toContain('event=e-1');
    await user.click(screen.getByRole('button', { name: 'As the vendor sent it' }));
    expect(screen.getByRole('button', { name: 'As the vendor sent it' })).toHaveAttribute('aria-pressed', 'true');
  });

  test('is not there, or has been merged', async () => {
    const gone = open(`${root}/incidents/i-9`);
    await screen.findByText('Cannot read this incident');
    gone.unmount();
    answer('GET /incidents/i-1', { ...detail, incident: { ...detail.incident, state: 'merged', merged_into: 'i-5' } });
    open(`${root}/incidents/i-1`);
    expect(await screen.findByRole('link', { name: /took it over/ })).toHaveAttribute('href', `${root}/incidents/i-5`);
  });

  test('a very long text is cut until one asks for it', async () => {
    answer('GET /incidents/i-1', { ...detail, incident: { ...detail.incident, summary: 'x'.repeat(LONGEST + 1) } });
    open(`${root}/incidents/i-1`);
    await userEvent.setup().click(await screen.findByRole('button', { name: 'Show all 2,001 characters' }));
    expect(screen.getByText('x'.repeat(LONGEST + 1))).toBeInTheDocument();
  });
});

describe('response authority', () => {
  test('each cell says in words who may, and opens the clause', async () => {
    open(`${root}/incidents/i-1?tab=authority`);
    const cell = await screen.findByRole('button', { name: 'Disable account on nina, Provider analyst: Needs approval' });
    await userEvent.setup().click(cell);
    expect(new URL(address, 'http://grafana').searchParams.get('decision')).toBe('provider_analyst|disable_account|user:nina');
    expect(await screen.findByText('permit (principal == Actor::"provider_analyst", action, resource);')).toBeInTheDocument();
    expect(screen.getByText('2 approvals')).toBeInTheDocument();
    expect(screen.getByText('4 hours')).toBeInTheDocument();
    expect(screen.getByText('Customer approver')).toBeInTheDocument();
  });

  test('arrow keys move within the grid, which is one tab stop', async () => {
    open(`${root}/authority`);
    const first = await screen.findByRole('button', { name: 'Isolate endpoint on Workstation, Automation: Forbidden' });
    const grid = screen.getByRole('grid');
    expect(within(grid).getAllByRole('button').filter((button) => button.tabIndex === 0)).toEqual([first]);
    act(() => first.focus());
    fireEvent.keyDown(first, { key: 'ArrowDown' });
    expect(screen.getByRole('button', { name: 'Kill process on Workstation, Automation: Forbidden' })).toHaveFocus();
    fireEvent.keyDown(document.activeElement ?? first, { key: 'End' });
    expect(screen.getByRole('button', { name: 'Kill process on Workstation, Customer admin: May act alone' })).toHaveFocus();
  });

  test('a decision opens by address, and policies are readable', async () => {
    const drawer = open(`${root}/authority?cell=${encodeURIComponent('automation|workstation|kill_process')}`);
    await screen.findByText('automation: forbidden');
    drawer.unmount();
    open(`${root}/authority?view=policies&policy=policy-automation`);
    expect(await screen.findByText(/forbid \(principal, action, resource\);/)).toHaveAttribute('aria-current', 'true');
  });

  test('refused', async () => {
    answer('GET /authority/matrix', new Refusal(403, { error: { message: 'No.' } }));
    open(`${root}/authority`);
    await screen.findByText('You may not see the authority matrix');
  });
});

test('an address that is none leads back', async () => {
  open(`${root}/nonsense`);
  expect(screen.getByRole('link', { name: 'Go to the incidents' })).toHaveAttribute('href', `${root}/incidents`);
});

describe('the configuration', () => {
  type Props = Parameters<typeof AppConfig>[0];
  const props = (jsonData: unknown) => ({ plugin: { meta: { enabled: true, pinned: true, jsonData, secureJsonFields: { password: true } } }, query: {} }) as unknown as Props;

  test('is checked before it is sent', async () => {
    render(<AppConfig {...props({ url: 'es', tenant: 'ACME' })} />);
    await userEvent.setup().click(screen.getByRole('button', { name: 'Save & test' }));
    expect(screen.getByText('Not saved')).toBeInTheDocument();
    expect(asked).toEqual([]);
  });

  test('is saved without the secrets that one did not touch, and tested', async () => {
    answer('POST @plugin/settings', {});
    answer('GET @plugin/health', { status: 'OK', message: 'Connected; 3 open incidents.' });
    const settings = { url: 'https://es:9200', tenant: 'acme', tlsSkipVerify: false };
    render(<AppConfig {...props(settings)} />);
    await userEvent.setup().click(screen.getByRole('button', { name: 'Save & test' }));
    await screen.findByText('Connected; 3 open incidents.');
    expect(asked[0]?.data).toEqual({ enabled: true, pinned: true, jsonData: settings, secureJsonData: {} });
  });

  test('says when the test fails', async () => {
    answer('POST @plugin/settings', {});
    answer('GET @plugin/health', new Refusal(503, { status: 'ERROR', message: 'Elasticsearch refused the password.' }));
    render(<AppConfig {...props({ url: 'https://es:9200', tenant: 'acme' })} />);
    await userEvent.setup().click(screen.getByRole('button', { name: 'Save & test' }));
    await screen.findByText('Saved, but the test failed');
    expect(screen.getByText('Elasticsearch refused the password.')).toBeInTheDocument();
  });
});
