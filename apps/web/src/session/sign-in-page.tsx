import { useEffect, useState, type SubmitEvent } from 'react';
import { Notice } from '../ui/notice.tsx';
import { TextField } from '../ui/field.tsx';
import { signIn, type SignedIn } from './session-api.ts';
import './sign-in-page.css';

/** Asks for a key and opens a session with it. */
export function SignInPage({
  notice,
  onSignedIn,
}: {
  notice: string | null;
  onSignedIn: (session: SignedIn) => void;
}) {
  const [key, setKey] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    document.title = 'Sign in · Muster';
  }, []);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      onSignedIn(await signIn(key.trim()));
    } catch (error) {
      setRefusal((error as Error).message);
      setBusy(false);
    }
  };

  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={(event) => void submit(event)}>
        <div className="row">
          <img src="/favicon.svg" alt="" width="36" height="36" />
          <h1>Sign in to Muster</h1>
        </div>
        {notice && (
          <Notice tone="warn" role="status">
            <p>{notice}</p>
          </Notice>
        )}
        <TextField
          label="API key"
          type="password"
          name="key"
          autoComplete="current-password"
          spellCheck={false}
          autoFocus
          required
          value={key}
          onChange={setKey}
          error={refusal}
          hint="The admin key was printed once, in the terminal, when Muster started for the first time. The lines beside it name the file that keeps it. Where Muster was started with MUSTER_ADMIN_TOKEN, it is that value."
        />
        <button type="submit" className="button button-primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
