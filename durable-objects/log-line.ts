/** One line of JSON for whoever operates the deployment. The only place that prints. */

type Field = string | number | boolean | null;

/**
 * Prints one line. Fields are named by the caller one by one, so that no request, header or payload is ever printed
 * whole; line breaks are escaped by the encoding.
 */
export function logLine(
  level: 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, Field>>,
): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === 'error') console.error(line);
  else if (level === 'warn') console.warn(line);
  else console.log(line);
}
