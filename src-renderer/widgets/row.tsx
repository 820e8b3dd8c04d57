import type { ReactNode } from 'react';

interface RowProps {
  readonly label: string;
  readonly labelId?: string;
  /** Chosen for the next run, not in force yet. */
  readonly pending?: boolean;
  /** The consequence of the setting, in words. */
  readonly says?: ReactNode;
  readonly children: ReactNode;
}

/** A knob: its name, the control, and what it does now. */
export function Row({ label, labelId, pending, says, children }: RowProps) {
  return (
    <div className="row">
      <span className="row-label">
        <span id={labelId}>{label}</span>
        {pending && <span className="badge badge-next">next run</span>}
      </span>
      <span className="row-control">{children}</span>
      {says !== undefined && <span className="hint row-says">{says}</span>}
    </div>
  );
}
