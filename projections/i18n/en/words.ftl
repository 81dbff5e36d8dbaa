## Methods, as they stand in a list.

method-password = password
method-totp = authenticator app
method-webauthn = security key
method-push = approval on your phone
method-sms = SMS code
method-bankid = BankID
method-recovery-code = recovery code
method-support-code = code from support
method-email-link = e-mail link
method-manager = a colleague’s confirmation
method-unknown = an unknown method
list-two = { $head } and { $last }

## Devices, in words made from what they claim to be.

device-browser-os = { $browser }, { $os }
device-one = { $name }
device-unknown = an unknown device
no-name = (no name)

## What something was confirmed for.

purpose-sign-in = a sign-in
purpose-sign-in-strong = a sign-in with two steps
purpose-payment = a payment
purpose-settings = a change of security settings
purpose-export = a download of your data
purpose-password-reset = a password reset
purpose-replace-factor = the replacement of an authenticator
purpose-verify-email = an e-mail address
purpose-unknown = an action

## Why a proof or an attempt was refused.

reason-wrong = the proof was wrong
reason-reused = the code had already been used
reason-expired = the code was too old
reason-not-available = the method could not be used
reason-too-many-attempts = too many attempts
reason-no-longer-possible = the account changed meanwhile
reason-unknown = the reason is not kept

## Why something ended or was taken away.

cause-signed-out = because you signed out
cause-ended-by-user = because you ended it
cause-password-changed = because the password was changed
cause-device-lost = because a device was reported lost
cause-device-forgotten = because the device was taken off the list
cause-forgotten = because the device was taken off the list
cause-not-me = because activity was reported as not yours
cause-idle = because it was not used
cause-expired = because its time ran out
cause-erased = because the account was erased
cause-factor-removed = because an authenticator was removed
cause-recovery-code-used = because a recovery code was used
cause-support-code-used = because a code from support was used
cause-policy-tightened = because the rules became stricter
cause-two-step-disabled = because two-step verification was switched off
cause-revoked-by-user = because you took the trust back
cause-removed-by-user = because you removed it
cause-replaced = because a new one took its place
cause-unknown = for a reason that is not kept

## Steps of a story.

step-identified = Account named
step-started = Begun
step-sent = { $methods }: sent
step-ok = { $methods }: accepted
step-numbered = { $methods } number { $count }: accepted
step-refused = { $methods }: refused, { $reason }
step-device-trusted = Second step skipped on a trusted device
step-completed = Completed
step-spent = Done
step-failed = Failed
step-expired = Timed out
step-abandoned = Given up
step-reported = Reported as not you

## Who did it.

actor-user = You
actor-anonymous = Somebody who had proved nothing yet
actor-system = Automatic
actor-support = Support
actor-officer = Compliance
actor-operator = Operations

## Time and fallbacks.

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
moment = { $day } { $month } { $year } at { $time } UTC
text-missing = Something happened on your account.
