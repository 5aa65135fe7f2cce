/** Which form of something a request wants, by suffix or `Accept`. */
import { BrokerError } from '../protocol/errors.ts';
import { chooseForm, describeForms, type Forms } from '../protocol/media-types.ts';
import type { RouteContext } from './routes.ts';

/** @throws not_acceptable, which lists what there is */
export function formFor<T extends Forms>({ request, suffix }: RouteContext, forms: T): keyof T & string {
  const form = chooseForm(forms, suffix, request.headers.get('accept'));
  if (typeof form === 'string') return form;
  throw new BrokerError('not_acceptable', { available: describeForms(forms) });
}
