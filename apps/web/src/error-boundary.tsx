import { Component, type ReactNode } from 'react';
import { EmptyState } from './ui/empty-state.tsx';

interface State {
  error: Error | null;
}

/** Keeps the rest of the UI usable when a page cannot be drawn. React wants a class here. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <EmptyState title="This page could not be shown">
        <p role="alert">
          <code>{error.message}</code>
        </p>
        <button type="button" className="button" onClick={() => window.location.reload()}>
          Reload
        </button>
      </EmptyState>
    );
  }
}
