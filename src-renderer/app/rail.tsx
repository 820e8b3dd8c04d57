import { Tip } from '../widgets/tip.tsx';
import { useSettings, useStudio } from './context.tsx';
import { VIEWS } from './views.ts';

/** The views, one button each. */
export function Rail() {
  const { commands } = useStudio();
  const current = useSettings((s) => s.ui.view);
  return (
    <nav className="rail" aria-label="Views">
      {VIEWS.map(({ id, title, icon: Icon, hotkey }) => (
        <Tip key={id} text={title} hotkey={hotkey}>
          <button
            type="button"
            className="rail-item"
            aria-current={id === current ? 'page' : undefined}
            onClick={() => commands.execute(`view.${id}`)}
          >
            <Icon size={20} strokeWidth={1.6} aria-hidden />
            {title}
          </button>
        </Tip>
      ))}
    </nav>
  );
}
