## The security overview.

strength-email-verified = Confirmed e-mail address
strength-password-set = Password
strength-two-step = Two-step verification
strength-authenticator = Authenticator app
strength-second-authenticator = A second authenticator
strength-recovery-codes = Recovery codes
advice-review-activity = There were many failed attempts on your account. Look through your activity, and change your password if somebody may know it.
advice-reset-password = Your password was disabled after too many failed attempts. Set a new one.
advice-change-password = You reported activity that was not yours. Set a new password.
advice-verify-email = Confirm your e-mail address, so that we can reach you and you can get back in.
advice-enable-two-step = Switch on two-step verification. Then a stolen password is not enough.
advice-replace-authenticator = One of your authenticators cannot be used. Replace it or remove it.
advice-make-recovery-codes = Make recovery codes and keep them somewhere safe. Without them a lost phone locks you out.
advice-few-recovery-codes-left = Few recovery codes are left. Make new ones.
advice-add-second-authenticator = Add a second authenticator on another device, in case you lose this one.

## What a loss would mean.

if-lost-locked-out = If you lost this device you could not get in. Make recovery codes now.
if-lost-few-codes = If you lost this device only a few recovery codes would be left to get in with. Make new ones now.
if-lost-only-codes = If you lost this device only your recovery codes would be left to get in with. Know where they are.
