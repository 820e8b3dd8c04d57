import { useEffect, useState } from 'react';
import { deviceVariable, onThemeChange, themeNow } from '../../charts/chart_theme.ts';
import { rampGradient } from '../../charts/colour_map.ts';

/** What the ends of the colour map stand for. */
export function ColourLegend({ from, to }: { readonly from: string; readonly to: string }) {
  const [theme, setTheme] = useState(themeNow);
  useEffect(() => onThemeChange(() => setTheme(themeNow())), []);
  return (
    <span className="heat-legend">
      {from}
      <span className="heat-legend-ramp" style={{ background: rampGradient(theme) }} />
      {to}
    </span>
  );
}

export function DeviceLegend({ devices }: { readonly devices: number }) {
  return (
    <span className="heat-legend">
      {Array.from({ length: devices }, (_, device) => (
        <span key={deviceVariable(device)} className="heat-legend-item">
          <span className="heat-legend-key" style={{ background: `var(${deviceVariable(device)})` }} />
          {devices > 1 ? `device ${device}` : 'resident'}
        </span>
      ))}
    </span>
  );
}
