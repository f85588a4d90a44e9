/** The first of these commands that is not installed; each must answer to `-version`. */
export function missingCommand(commands: readonly string[]): Promise<string | undefined>;

/**
 * The folder whose `lib/` has these artifacts and all that they need.
 * @param name of the folder in the cache; it names the versions
 * @param dependencies as `group:artifact:version`
 */
export function fetchJars(name: string, dependencies: readonly string[]): Promise<string>;

/** The folder with what is in an archive, `group:artifact:version:type:classifier`. */
export function fetchUnpacked(name: string, artifact: string): Promise<string>;
