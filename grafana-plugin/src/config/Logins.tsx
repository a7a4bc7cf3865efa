import { Button, IconButton, Input } from '@grafana/ui';
import { useState } from 'react';

import { Choice } from '../ui/Choice';
import { Column, Row } from '../ui/Layout';
import { plainName } from '../ui/words';
import { personActors } from './settings';
import type { PersonActor } from './settings';

interface LoginsProps {
  logins: Record<string, string>;
  onChange: (logins: Record<string, string>) => void;
}

/** Logins names single people and the part they act in. */
export function Logins({ logins, onChange }: LoginsProps) {
  const [login, setLogin] = useState('');
  const [actor, setActor] = useState<PersonActor>('customer_approver');
  const without = (name: string) => Object.fromEntries(Object.entries(logins).filter(([other]) => other !== name));
  return (
    <Column>
      {Object.entries(logins).map(([name, part]) => (
        <Row key={name}>
          <Input width={30} aria-label="Login" value={name} readOnly />
          <span>{plainName(part)}</span>
          <IconButton name="trash-alt" tooltip={`Remove ${name}`} onClick={() => onChange(without(name))} />
        </Row>
      ))}
      <Row>
        <Input width={30} aria-label="New login" placeholder="Grafana login" value={login} onChange={(event) => setLogin(event.currentTarget.value)} />
        <Choice<PersonActor> label="Actor for the new login" width={26} value={actor} options={personActors} onChange={setActor} />
        <Button
          type="button"
          variant="secondary"
          icon="plus"
          disabled={login.trim() === ''}
          onClick={() => {
            onChange({ ...logins, [login.trim()]: actor });
            setLogin('');
          }}
        >
          Add login
        </Button>
      </Row>
    </Column>
  );
}
