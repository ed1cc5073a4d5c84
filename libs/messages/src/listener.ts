/** Lets a listener hear something; that it throws, or rejects, is told and ends nothing. */
export function heard(listen: () => unknown, failed: (error: unknown) => void): void {
  try {
    const hearing = listen();
    if (hearing instanceof Promise) hearing.catch(failed);
  } catch (error) {
    failed(error);
  }
}
