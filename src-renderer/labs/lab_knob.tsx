import type { ReactNode } from 'react';

interface LabKnobProps {
  /** Before the label, where there is room. */
  readonly long?: string;
  readonly label: string;
  /** In full, on hover; the control says the same to those who do not see it. */
  readonly hint: string;
  readonly children: ReactNode;
}

/** A knob in the bar of a lab. */
export function LabKnob({ long, label, hint, children }: LabKnobProps) {
  return (
    <span className="lab-knob" title={`${long === undefined ? '' : `${long} `}${label}: ${hint}`}>
      <span className="lab-knob-name">
        {long !== undefined && <span className="lab-wide">{long} </span>}
        {label}
      </span>
      {children}
    </span>
  );
}
