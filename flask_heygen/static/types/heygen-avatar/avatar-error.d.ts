/** The error that a page gets. */
export type Failure = {
    code: string;
    /**
     * a sentence for a person
     */
    message: string;
    retryable?: boolean;
    restart_session?: boolean;
    /**
     * seconds
     */
    retry_after?: number;
    /**
     * of an error that follows the line "accepted"
     */
    http_status?: number;
};
/** A failure; the message is a sentence for a person. */
export declare class AvatarError extends Error {
    code: string;
    /** The HTTP status; 0 without a response. */
    status: number;
    /** The same call may succeed later, and nothing is done twice. */
    retryable: boolean;
    /** The session is over: start a new one. */
    restartSession: boolean;
    /** Seconds to wait before either. */
    retryAfter: number;
    /** The error behind it, of the browser, livekit-client or the page. */
    cause: unknown;
    /** @param {Failure} failure @param {number} [status] @param {unknown} [cause] */
    constructor({ code, message, retryable, restart_session, retry_after }: Failure, status?: number, cause?: unknown);
    /** The error as a page gets it. @param {unknown} error */
    static of(error: unknown): AvatarError;
    /** Whether the server did nothing and will be ready within seconds. */
    get retriesSoon(): boolean;
}
