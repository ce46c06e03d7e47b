/** What a check found; `message` is as Cloud Foundry words it. */
export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly message: string };
