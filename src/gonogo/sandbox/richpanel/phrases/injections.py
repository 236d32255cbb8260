"""The phrases that address the machine instead of a colleague: the marks of a prompt injection."""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

# Unlike `<g>` the gap spans lines: whoever hides an order to the machine does not mind the layout. Customers do
# complain about ignored delivery instructions, which are no rules.
WORDS = read_named(r"""
gap = (?:[^\w.!?;]+\w+(?:['-]\w+)*){0,5}?[^\w.!?;]+
rules = (?<!delivery )(?<!shipping )(?<!care )(?<!washing )(?:instructions?|rules?|prompts?|polic(?:y|ies)|
     guidelines?|guardrails?|restrictions?|constraints?|safeguards?|safety|safe mode|protocols?|programming|
     training|directives?|checks|limitations)
powers = (?:admin\w*|developer|dev|root|sudo|god|system|manager|supervisor|superuser|unrestricted|jailbroken|dan\b|
     refund\w*|ai|chat\s?bot|bot|assistant|llm|gpt\w*|agent|hacker|terminal|interpreter|new|different|helpful)
""")

INJECTION = read_phrases(r"""
1    \b(?:ignore|disregard|disregarding|bypass|bypassing|override|overriding|circumvent|overlook|skip)<gap><rules>\b
1    \bforget (?:about )?(?:all |any |every |everything |your |the |my |previous |prior |above |earlier )+<rules>\b
1    \bforget (?:everything|all)(?: that)? (?:you|above|before|i said|was said)
1    (?<!you )\b(?:do not|don't|stop|never) (?:follow|following|obey|obeying|apply|applying|use|using) (?:any |all |
     your |the |these |those |company |previous )*<rules>\b
1    \b(?:ignore|disregard) (?:all |everything )?(?:of )?(?:the )?(?:above|the foregoing|everything)\b
1    \byou are (?:now )?(?:no longer|not bound|free from|freed from|unrestricted|in <powers>)
1    \byou are now (?:a|an|the|my|in|acting|operating|running|allowed|authorized|permitted|able|called|<powers>)\b
1    \byou are now \w*(?:bot|gpt|mode|dan)\b
1    \bfrom now on,? you (?:are|will|must|shall|have|should|act)\b
1    \b(?:system|hidden|initial|secret|internal|developer) (?:prompt|instructions?)\b|\boriginal prompt\b
1    \b(?:act|acting|behave|respond|answer|speak|operate) as (?:if you(?:'re| are| were| had| have)|(?:an? |the |
     my |our )?<powers>)
1    \bpretend (?:that )?(?:you|to be|there (?:are|is) no)\b
1    \b(?:role ?-?play|simulate)\b.{0,30}\b(?:as|being|that you|admin|agent|bot)\b
1    \b(?:god|admin|dan|jailbreak|unrestricted|override|sudo) mode\b
1    \b(?:you are|you're|enter|activate) (?:now )?(?:in |into )?(?:developer|debug|maintenance|test) mode\b
1    \bjailbreak|\bprompt injection\b
1    \b(?:admin|manager|system|policy|supervisor|emergency|security|developer) override\b|\boverride code\b
1    \bnew (?:system )?(?:instructions?|rules|directives?|prompt)\s*:
1    \bend of (?:the )?(?:system )?(?:prompt|instructions?|context)\b
1    (?:^|\n)\W*(?:system|assistant|developer)\W{0,3}:(?!\s*(?:windows|mac|android|ios|linux|samsung|iphone|\d))
1    \[/?(?:inst|system|sys|admin)\]|<\|?/?(?:im_start|im_end|system|endoftext)\|?>|<{2}sys>{2}|#{2,}\s*(?:system|
     instruction)
1    \b(?:reveal|print|show|repeat|output|display|leak|tell) (?:me )?(?:all )?(?:of )?your (?:\w+ )?(?:prompt|
     instructions|rules|configuration|config|guidelines|api key|secrets?)\b
1    \b(?:refund|pay|reimburse|credit) me (?:\w+ ){0,3}?(?:right )?(?:now|immediately|at once|in full|
     today)?[ ,]*(?:without|regardless of|no matter) (?:any |a |the |your |asking |checking |doing )*(?:questions?|
     verif\w+|approval|review|checks?|checking|polic\w+|human|agent|confirmation|authoriz\w+|rules?)
1    \b(?:refund|approve|issue|process|release|credit|cancel)\w*\b[^.!?\n]{0,40}\bwithout (?:any |a |the |further |
     human |manager |your )*(?:verif\w+|approval|review|authoriz\w+|human|policy)\b
1    \bmark (?:this|the|my)(?: \w+)? (?:ticket|conversation|order|case|request|account)? ?as (?:refunded|verified|
     resolved|approved|vip|paid|trusted)\b
1    \b(?:safe_mode|automation_enabled|template_enabled)\b|\bdisable (?:the |your )?(?:safe ?mode|safety|filters?|
     guardrails?)\b
1    \b(?:execute|run|call|invoke|trigger)\b(?:\W+\w+){0,3}?\W+(?:function|tool|api|command|sql|script|workflow)\b
1    \bdrop table\b|\bselect \* from\b
1    \bas an? (?:ai|language model|llm|large language model)\b
1    \byour (?:new|real|true|only|actual) (?:task|job|goal|instructions?|purpose|role|
     objective)\b[^.!?\n]{0,15}\b(?:is|are)\b
1    \bi am (?:your|the) (?:developer|creator|programmer|system administrator|sysadmin|administrator)\b
1    \b(?:output|respond|reply|answer) (?:only )?with (?:the following|exactly|only|json|this json)\b
1    \b(?:classify|label|tag|route) this (?:ticket |message |as |email |conversation )
""")
