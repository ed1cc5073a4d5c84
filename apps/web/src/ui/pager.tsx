import { Link, useLocation, useSearchParams } from 'react-router';
import './pager.css';

/** Cursors of the pages before this one, kept in the history entry; '' is the first page. */
interface PagerState {
  trail: string[];
}

/** Pages by cursor. The cursor is in the URL as `after`. */
export function Pager({ next, summary }: { next: string | null; summary: string }) {
  const [params] = useSearchParams();
  const location = useLocation();
  const trail = (location.state as PagerState | null)?.trail ?? [];
  const after = params.get('after') ?? '';
  if (after === '' && next === null) return <p className="pager muted">{summary}</p>;

  return (
    <nav className="pager" aria-label="Pages">
      <span className="muted">{summary}</span>
      <PageLink label="First page" cursor="" trail={[]} disabled={after === ''} />
      <PageLink
        label="Previous page"
        cursor={trail.at(-1) ?? ''}
        trail={trail.slice(0, -1)}
        disabled={after === ''}
      />
      <PageLink label="Next page" cursor={next ?? ''} trail={[...trail, after]} disabled={next === null} />
    </nav>
  );
}

function PageLink(props: { label: string; cursor: string; trail: string[]; disabled: boolean }) {
  const [params] = useSearchParams();
  if (props.disabled) {
    return (
      <span className="button button-small" aria-disabled="true">
        {props.label}
      </span>
    );
  }
  const search = new URLSearchParams(params);
  search.delete('after');
  if (props.cursor) search.set('after', props.cursor);
  return (
    <Link
      className="button button-small"
      to={{ search: search.toString() }}
      state={{ trail: props.trail } satisfies PagerState}
    >
      {props.label}
    </Link>
  );
}
