import { Link } from 'react-router';
import { EmptyState } from './ui/empty-state.tsx';
import { PageHeader } from './ui/page-header.tsx';

/** For an address that leads nowhere, or a thing that was deleted. */
export function NotFoundPage({ what }: { what: string }) {
  return (
    <>
      <PageHeader title="Not found" />
      <EmptyState title={`There is no such ${what}.`}>
        <Link to="/">Go to the overview</Link>
      </EmptyState>
    </>
  );
}
