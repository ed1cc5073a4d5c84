import type { ReactNode } from 'react';
import { useEffect } from 'react';
import { Link } from 'react-router';
import { Breakable } from './breakable.tsx';
import './page-header.css';

/** The page's heading, also the browser tab's title; what is above it, and what can be done. */
export function PageHeader({
  title,
  parent,
  actions,
  children,
}: {
  title: string;
  parent?: { to: string; title: string };
  actions?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Muster`;
  }, [title]);

  return (
    <header className="page-header">
      {parent && (
        <nav aria-label="Breadcrumb">
          <span aria-hidden="true">← </span>
          <Link to={parent.to}>{parent.title}</Link>
        </nav>
      )}
      <div className="page-header-line">
        <h1>
          <Breakable text={title} />
        </h1>
        {actions && <div className="row">{actions}</div>}
      </div>
      {children && <div className="page-header-about">{children}</div>}
    </header>
  );
}
