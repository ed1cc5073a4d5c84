import { Fragment } from 'react';

/** Behind the marks that join words to names, versions, addresses and uids. */
const joints = /(?<=[.\-_/:=,@])(?=[^.\-_/:=,@])/;

/** A long word, such as `service.instance.id`: where it does not fit, it goes on after one of its joints. */
export function Breakable({ text }: { text: string }) {
  return text.split(joints).map((piece, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {piece}
    </Fragment>
  ));
}
