/** How far long work is; `fraction` is absent where its length is not known. `label` says to those who do not see it what is done. */
export function ProgressBar({ label, fraction }: { readonly label: string; readonly fraction: number | undefined }) {
  return (
    <div
      className={fraction === undefined ? 'progress progress-unknown' : 'progress'}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={fraction === undefined ? undefined : Math.floor(fraction * 100)}
    >
      <span style={fraction === undefined ? undefined : { width: `${fraction * 100}%` }} />
    </div>
  );
}
