import { useState } from 'react';

import { currentTriage, saveTriage, toApiError } from '../api/client';
import type { ApiError } from '../api/client';
import type { Triage, TriageChange } from '../api/types';

/** Change is what a person wants, without the version that it was decided on. */
export type Change = Omit<TriageChange, 'version'>;

/** Conflict is a change that was refused because somebody else was faster. */
export interface Conflict {
  theirs: Triage | undefined;
  mine: Change;
}

export interface TriageEditor {
  saving: boolean;
  error: ApiError | undefined;
  conflict: Conflict | undefined;
  /** save tells whether the change was taken. */
  save: (change: Change) => Promise<boolean>;
  /** applyMine sends the refused change again, on top of what is there by now. */
  applyMine: () => Promise<boolean>;
  /** keepTheirs gives the refused change up. */
  keepTheirs: () => void;
  dismiss: () => void;
}

/**
 * useTriage changes the people's part of an incident. A change names the
 * version it was made on; when somebody else changed it meanwhile, neither
 * change is lost: the person sees both and decides.
 */
export function useTriage(id: string, triage: Triage, onTriage: (triage: Triage) => void, onReload: () => void): TriageEditor {
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [conflict, setConflict] = useState<Conflict>();

  const send = async (change: Change, base: Triage): Promise<boolean> => {
    setSaving(true);
    setError(undefined);
    setConflict(undefined);
    try {
      onTriage(await saveTriage(id, { ...change, version: base.version }));
      return true;
    } catch (err) {
      const failure = toApiError(err);
      if (failure.status === 409) {
        setConflict({ theirs: currentTriage(failure), mine: change });
      } else {
        setError(failure);
      }
      return false;
    } finally {
      setSaving(false);
    }
  };

  return {
    saving,
    error,
    conflict,
    save: (change) => send(change, triage),
    applyMine: () => (conflict === undefined ? Promise.resolve(false) : send(conflict.mine, conflict.theirs ?? triage)),
    keepTheirs: () => {
      if (conflict?.theirs === undefined) {
        onReload();
      } else {
        onTriage(conflict.theirs);
      }
      setConflict(undefined);
    },
    dismiss: () => setError(undefined),
  };
}
