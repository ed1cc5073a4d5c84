/** Who is signed in. */
export interface SignedIn {
  actor: string;
}

/** The key was refused, or nothing answered; the message is for people. */
export class SignInFailed extends Error {
  readonly code = 'sign-in-failed';
}

const path = '/api/v1/session';
/**
 * In the browser's storage while it may have a session, whose cookie no script can see: who has none need not
 * ask, and have the refusal in the console.
 */
const mark = 'muster-signed-in';

/** The session of this browser; null when there is none. Rejects with SignInFailed when nothing answers. */
export async function readSession(): Promise<SignedIn | null> {
  if (localStorage.getItem(mark) === null) return null;
  const response = await request('GET');
  if (response.status === 401) {
    localStorage.removeItem(mark);
    return null;
  }
  if (!response.ok) throw new SignInFailed(`Muster answered with status ${response.status}.`);
  return (await response.json()) as SignedIn;
}

/** Trades a key for a session, kept in a cookie that scripts cannot read. Rejects with SignInFailed. */
export async function signIn(key: string): Promise<SignedIn> {
  const response = await request('POST', { key });
  if (response.status === 401) throw new SignInFailed('This key is not known, or it was revoked.');
  if (!response.ok) throw new SignInFailed(await problemText(response));
  localStorage.setItem(mark, '');
  const session = await readSession();
  if (!session)
    throw new SignInFailed('The browser did not keep the session cookie. Are cookies allowed here?');
  return session;
}

/** Ends the session on the server and in this browser. */
export async function signOut(): Promise<void> {
  await request('DELETE');
  localStorage.removeItem(mark);
}

async function request(method: string, body?: object): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch (cause) {
    throw new SignInFailed('Muster does not answer. Is it running?', { cause });
  }
}

/** The detail of a problem response (RFC 9457). */
async function problemText(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? `Muster answered with status ${response.status}.`;
  } catch {
    return `Muster answered with status ${response.status}.`;
  }
}
