//! No state without an event: which events each mutation can append, and which of them give a proof.

/// What a mutation can append to the log.
#[derive(Clone, Copy, Debug)]
pub struct MutationEvents {
    /// The mutation's field.
    pub mutation: &'static str,
    /// Whether it gives a proof that could be guessed, or costs a hash: one request carries at most one.
    pub gives_proof: bool,
    /// The events it can append, those of its consequences included.
    pub events: &'static [&'static str],
}

macro_rules! mutations {
    ($($mutation:literal $kind:ident [$($event:literal),* $(,)?];)+) => {
        /// Every mutation.
        pub const MUTATIONS: &[MutationEvents] = &[
            $(MutationEvents { mutation: $mutation, gives_proof: mutations!(@proof $kind), events: &[$($event),*] },)+
        ];
    };
    (@proof proof) => { true };
    (@proof act) => { false };
}

mutations! {
    "register" proof [
        "ClaimReleased", "ClaimTaken", "AccountRegistered", "PasswordSet", "RegistrationAttempted", "CeremonyStarted",
        "CeremonyProofRequested",
    ];
    "updateProfile" act ["ProfileChanged"];
    "changeEmail" act ["RegistrationAttempted", "CeremonyStarted", "CeremonyProofRequested"];
    "beginSignIn" act ["CeremonyStarted"];
    "beginCeremony" act ["CeremonyStarted", "CeremonyProofRequested"];
    "beginStepUp" act ["CeremonyStarted"];
    "resendEmailLink" act ["CeremonyProofRequested"];
    "abandonCeremony" act ["CeremonyAbandoned"];
    "followEmailLink" proof [
        "CeremonyProofAccepted", "CeremonyProofRejected", "CeremonyCompleted", "CeremonyFailed", "CeremonySpent",
        "ClaimTaken", "ClaimProved", "ClaimReleased", "EmailVerified", "EmailChanged",
    ];
    "submitPassword" proof [
        "AttemptsThrottled", "AccountProofAccepted", "AccountProofRejected", "PasswordHashUpgraded",
        "FailureNoticeDue", "AuthenticatorDisabled", "CeremonyProofAccepted", "CeremonyProofRejected",
        "CeremonyCompleted", "CeremonyFailed", "CeremonyStarted", "CeremonyProofRequested", "SessionStarted",
        "SessionElevated", "DeviceFirstSeen", "DeviceTrusted", "AccountSummarised",
    ];
    "submitTotp" proof [
        "AttemptsThrottled", "AccountProofAccepted", "AccountProofRejected", "FailureNoticeDue",
        "AuthenticatorDisabled", "CeremonyProofAccepted", "CeremonyProofRejected", "CeremonyCompleted",
        "CeremonyFailed", "SessionStarted", "SessionElevated", "DeviceFirstSeen", "DeviceTrusted",
        "AccountSummarised",
    ];
    "submitRecoveryCode" proof [
        "AttemptsThrottled", "AccountProofAccepted", "AccountProofRejected", "RecoveryCodeUsed", "FailureNoticeDue",
        "AuthenticatorDisabled", "CeremonyProofAccepted", "CeremonyProofRejected", "CeremonyCompleted",
        "CeremonyFailed", "SessionStarted", "SessionElevated", "DeviceFirstSeen", "DeviceTrustDropped",
        "AccountSummarised",
    ];
    "changePassword" act ["PasswordSet", "SessionEnded", "DeviceTrustDropped", "CeremonyFailed"];
    "resetPassword" proof ["CeremonySpent", "PasswordSet", "SessionEnded", "DeviceTrustDropped", "CeremonyFailed"];
    "renameAuthenticator" act ["AuthenticatorRenamed"];
    "removeAuthenticator" act ["AuthenticatorRemoved", "DeviceTrustDropped", "SessionEnded", "CeremonyFailed"];
    "disableTwoStep" act ["TwoStepDisabled", "DeviceTrustDropped", "SessionEnded", "CeremonyFailed"];
    "newRecoveryCodes" act ["RecoveryCodesIssued"];
    "startTotpEnrolment" act ["AuthenticatorEnrolmentStarted"];
    "confirmTotpEnrolment" proof [
        "AccountProofAccepted", "AccountProofRejected", "FailureNoticeDue", "AuthenticatorDisabled", "AuthenticatorEnrolled", "AuthenticatorRemoved",
        "TwoStepEnabled", "RecoveryCodesIssued", "CeremonySpent", "DeviceTrustDropped", "SessionEnded",
        "CeremonyFailed",
    ];
    "signOut" act ["SessionEnded"];
    "endSession" act ["SessionEnded"];
    "endOtherSessions" act ["SessionEnded"];
    "renameDevice" act ["DeviceRenamed"];
    "revokeDeviceTrust" act ["DeviceTrustDropped"];
    "reportDeviceLost" act [
        "DeviceReportedLost", "SessionEnded", "DeviceTrustDropped", "AuthenticatorSuspended", "CeremonyFailed",
    ];
    "forgetDevice" act ["DeviceForgotten", "SessionEnded", "DeviceTrustDropped", "CeremonyFailed"];
    "reportNotMe" act [
        "NotMeReported", "CeremonyReported", "SessionEnded", "DeviceTrustDropped", "AuthenticatorSuspended",
        "CeremonyFailed",
    ];
}

/// Whether a mutation gives a proof.
pub(super) fn gives_proof(mutation: &str) -> bool {
    MUTATIONS.iter().any(|known| known.mutation == mutation && known.gives_proof)
}
