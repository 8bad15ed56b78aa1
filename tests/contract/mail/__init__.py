"""What every mail provider behind our ports has to keep: the fake, the simulator and, when asked for, the service.

The service is asked with EMAIL_CONTRACT_POSTMARK_ACCOUNT_TOKEN, an account token of an account made for tests, and
EMAIL_CONTRACT_POSTMARK_DOMAIN, a domain under which signatures may be made there (Postmark mails each of them).
EMAIL_CONTRACT_POSTMARK_URL may name another address. Without a token the service does not appear at all. Only what
needs neither DNS records nor a public webhook url is asked of it: servers, signatures and domains.
"""
