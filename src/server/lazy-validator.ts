/** As much of the SDK's JSON-schema validators as its servers use. */
interface Validator {
  getValidator(schema: never): unknown;
}

/**
 * A JSON-schema validator that is made when it is first needed. The SDK's own costs a server more
 * than all the rest of it, and only servers that ask their users something (elicitation) need it.
 *
 * Each server has its own, because one that all share would keep every schema that it has seen.
 */
export class LazyValidator {
  readonly #create: () => Validator;
  #validator: Validator | undefined;

  /** @param create one function for all, since there are many of these. */
  constructor(create: () => Validator) {
    this.#create = create;
  }

  /** Takes and returns what the SDK's own does; its types are those of an optional peer. */
  getValidator(schema: never): never {
    this.#validator ??= this.#create();
    return this.#validator.getValidator(schema) as never;
  }
}
